"""Add the indexes that filtered lists and the pruning of old rows need, and labels of jobs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.db.base import Json

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_CHANGED = {
    "ix_dataset_status": ("dataset", ["status"], ["status", "id"]),
    "ix_dataset_image_class": (
        "dataset_image",
        ["dataset_id", "split", "class_name"],
        ["dataset_id", "class_name", "image_id"],
    ),
    "ix_job_dataset_id": ("job", ["dataset_id"], ["dataset_id", "id"]),
    "ix_job_study_id": ("job", ["study_id", "trial"], ["study_id", "id"]),
    "ix_prediction_batch_dataset_id": ("prediction_batch", ["dataset_id"], ["dataset_id", "id"]),
}
_NEW = {
    "ix_dataset_name": ("dataset", ["name", "id"]),
    "ix_dataset_image_split": ("dataset_image", ["dataset_id", "split", "image_id"]),
    "ix_idempotent_answer_created_at": ("idempotent_answer", ["created_at"]),
    "ix_inquiry_subject_id": ("inquiry", ["subject_id"]),
    "ix_prediction_batch_finished_at": ("prediction_batch", ["finished_at"]),
    "ix_study_name": ("study", ["name", "id"]),
    "ix_work_item_waits_for": ("work_item", ["waits_for", "id"]),
}
_ROWS_AT_ONCE = 1000


def upgrade() -> None:
    for name, (table, _, columns) in _CHANGED.items():
        op.drop_index(name, table_name=table)
        op.create_index(name, table, columns)
    for name, (table, columns) in _NEW.items():
        op.create_index(name, table, columns)
    op.create_table(
        "job_label",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=512), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["job.id"], name=op.f("fk_job_label_job_id_job"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "key", name=op.f("pk_job_label")),
    )
    op.create_index("ix_job_label_value", "job_label", ["key", "value", "job_id"])
    _copy_labels()


def _copy_labels() -> None:
    connection = op.get_bind()
    job = sa.table("job", sa.column("id", sa.String), sa.column("metadata", Json))
    label = sa.table("job_label", sa.column("job_id"), sa.column("key"), sa.column("value"))
    after = ""
    while rows := connection.execute(
        sa.select(job.c.id, job.c.metadata)
        .where(job.c.id > after)
        .order_by(job.c.id)
        .limit(_ROWS_AT_ONCE)
    ).all():
        after = rows[-1].id
        values = [
            {"job_id": row.id, "key": key, "value": value}
            for row in rows
            for key, value in row.metadata.items()
        ]
        if values:
            connection.execute(label.insert(), values)


def downgrade() -> None:
    op.execute("DELETE FROM registry_event WHERE type = 'classes_changed'")  # unknown before
    op.drop_index("ix_job_label_value", table_name="job_label")
    op.drop_table("job_label")
    for name, (table, _) in _NEW.items():
        op.drop_index(name, table_name=table)
    for name, (table, columns, _) in _CHANGED.items():
        op.drop_index(name, table_name=table)
        op.create_index(name, table, columns)
