"""Add the balanced validation accuracy of epochs and model versions."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    for table in ("epoch", "model_version"):
        op.add_column(table, sa.Column("val_balanced_accuracy", sa.Double(), nullable=True))


def downgrade() -> None:
    for table in ("epoch", "model_version"):
        op.drop_column(table, "val_balanced_accuracy")
