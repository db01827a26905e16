"""Add the portfolios of jobs with a time budget."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.db.base import Json

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("job", sa.Column("portfolio", Json, nullable=True))


def downgrade() -> None:
    op.drop_column("job", "portfolio")
