"""Add the file with a job's predictions of its validation and test images."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("job_report", sa.Column("predictions_key", sa.String(200), nullable=True))


def downgrade() -> None:
    op.drop_column("job_report", "predictions_key")
