"""Add the workers that are running, and the indexes that lists, counts and findings need."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.db.base import Json

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "worker",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("owners", Json, nullable=False),
        sa.Column("device", sa.String(length=200), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
    )
    op.drop_index("ix_job_status", table_name="job")
    op.create_index("ix_job_status", "job", ["status", "id"])
    op.create_index("ix_job_finished_at", "job", ["status", "finished_at", "study_id"])
    op.create_index("ix_job_model_name", "job", ["model_name", "id"])
    op.create_index("ix_dataset_status", "dataset", ["status"])
    op.create_index("ix_prediction_batch_status", "prediction_batch", ["status", "id"])
    op.create_index("ix_registry_event_type", "registry_event", ["type", "id"])


def downgrade() -> None:
    op.drop_index("ix_registry_event_type", table_name="registry_event")
    op.drop_index("ix_prediction_batch_status", table_name="prediction_batch")
    op.drop_index("ix_dataset_status", table_name="dataset")
    op.drop_index("ix_job_model_name", table_name="job")
    op.drop_index("ix_job_finished_at", table_name="job")
    op.drop_index("ix_job_status", table_name="job")
    op.create_index("ix_job_status", "job", ["status"])
    op.drop_table("worker")
