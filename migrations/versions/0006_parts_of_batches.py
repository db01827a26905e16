"""Add the partial results of batch predictions."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.db.base import Json

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "prediction_batch", sa.Column("part_keys", Json, server_default="[]", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("prediction_batch", "part_keys")
