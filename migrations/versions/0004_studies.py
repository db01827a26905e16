"""Add the tables of studies."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.db.base import Json

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "study",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("dataset_id", sa.String(length=40), nullable=False),
        sa.Column("config", Json, nullable=False),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
    )
    op.create_table(
        "study_trial",
        sa.Column("study_id", sa.String(length=40), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("changes", Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"],
            ["study.id"],
            name=op.f("fk_study_trial_study_id_study"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("study_id", "trial", name=op.f("pk_study_trial")),
    )
    op.add_column("job", sa.Column("study_id", sa.String(length=40), nullable=True))
    op.add_column("job", sa.Column("trial", sa.Integer(), nullable=True))
    op.create_index("ix_job_study_id", "job", ["study_id", "trial"])


def downgrade() -> None:
    op.drop_index("ix_job_study_id", table_name="job")
    op.drop_column("job", "trial")
    op.drop_column("job", "study_id")
    op.drop_table("study_trial")
    op.drop_table("study")
