"""Add the state of adaptive searches, and how their trials were chosen."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.db.base import Json

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("study", sa.Column("search_status", sa.String(length=16), nullable=True))
    op.add_column("study", sa.Column("search_note", sa.Text(), nullable=True))
    op.create_index("ix_study_search_status", "study", ["search_status", "id"])
    op.add_column("study_trial", sa.Column("origin", sa.String(length=16), nullable=True))
    op.add_column("study_trial", sa.Column("point", Json, nullable=True))
    op.add_column("study_trial", sa.Column("bracket", sa.Integer(), nullable=True))
    op.add_column("study_trial", sa.Column("problem", sa.Text(), nullable=True))


def downgrade() -> None:
    for column in ("problem", "bracket", "point", "origin"):
        op.drop_column("study_trial", column)
    op.drop_index("ix_study_search_status", table_name="study")
    op.drop_column("study", "search_note")
    op.drop_column("study", "search_status")
