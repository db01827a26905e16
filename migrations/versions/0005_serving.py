"""Add trust files, gates, the audit log, shadow models, batch predictions and exports."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.db.base import Json

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("model", sa.Column("gate", Json, nullable=True))
    op.add_column("model_version", sa.Column("trust_key", sa.String(length=200), nullable=True))
    op.add_column("model_version", sa.Column("calibration", Json, nullable=True))
    op.add_column("model_version", sa.Column("dataset_digest", sa.String(length=64), nullable=True))
    op.add_column("model_version", sa.Column("quantized_key", sa.String(length=200), nullable=True))
    op.add_column("model_version", sa.Column("quantized_from", sa.Integer(), nullable=True))
    op.add_column("inquiry", sa.Column("file_key", sa.String(length=200), nullable=True))
    op.add_column("work_item", sa.Column("trace_parent", sa.String(length=64), nullable=True))
    op.add_column("serving", sa.Column("shadow", sa.String(length=160), nullable=True))
    op.add_column(
        "serving", sa.Column("shadow_fraction", sa.Double(), server_default="0", nullable=False)
    )
    op.create_table(
        "registry_event",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("alias", sa.String(length=63), nullable=True),
        sa.Column("from_version", sa.Integer(), nullable=True),
        sa.Column("payload", Json, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registry_event")),
    )
    op.create_index("ix_registry_event_name", "registry_event", ["name", "id"])
    op.create_table(
        "shadow_tally",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("shadow_name", sa.String(length=63), nullable=False),
        sa.Column("shadow_version", sa.Integer(), nullable=False),
        sa.Column("num_images", sa.BigInteger(), nullable=False),
        sa.Column("num_agreed", sa.BigInteger(), nullable=False),
        sa.Column("num_dropped", sa.BigInteger(), nullable=False),
        sa.Column("num_failed", sa.BigInteger(), nullable=False),
        sa.Column("sum_abs_difference", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "name", "version", "shadow_name", "shadow_version", name=op.f("pk_shadow_tally")
        ),
    )
    op.create_table(
        "prediction_batch",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("model_name", sa.String(length=63), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("checkpoint_key", sa.String(length=200), nullable=False),
        sa.Column("trust_key", sa.String(length=200), nullable=True),
        sa.Column("quantized_key", sa.String(length=200), nullable=True),
        sa.Column("dataset_id", sa.String(length=40), nullable=True),
        sa.Column("split", sa.String(length=8), nullable=True),
        sa.Column("upload_key", sa.String(length=200), nullable=True),
        sa.Column("options", Json, nullable=False),
        sa.Column("progress", Json, nullable=False),
        sa.Column("counts", Json, nullable=False),
        sa.Column("results_key", sa.String(length=200), nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prediction_batch")),
    )
    op.create_index("ix_prediction_batch_dataset_id", "prediction_batch", ["dataset_id"])


def downgrade() -> None:
    op.drop_index("ix_prediction_batch_dataset_id", table_name="prediction_batch")
    op.drop_table("prediction_batch")
    op.drop_table("shadow_tally")
    op.drop_index("ix_registry_event_name", table_name="registry_event")
    op.drop_table("registry_event")
    op.drop_column("serving", "shadow_fraction")
    op.drop_column("serving", "shadow")
    op.drop_column("work_item", "trace_parent")
    op.drop_column("inquiry", "file_key")
    op.drop_column("model_version", "calibration")
    op.drop_column("model_version", "dataset_digest")
    op.drop_column("model_version", "quantized_from")
    op.drop_column("model_version", "quantized_key")
    op.drop_column("model_version", "trust_key")
    op.drop_column("model", "gate")
