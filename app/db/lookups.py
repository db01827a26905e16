"""What lists, filters and the pruning of old rows look rows up by: a table and further indexes."""

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.db.study_tables import Study
from app.db.tables import (
    ID,
    AnalysisRequest,
    Dataset,
    DatasetImage,
    IdempotentAnswer,
    PredictionBatch,
    WorkItem,
)
from app.db.tenant_rows import TenantRow


class JobLabel(TenantRow, Base):
    """One entry of a job's metadata, for the filter of the list; `Job.labels` has them all."""

    __tablename__ = "job_label"
    __table_args__ = (Index("ix_job_label_value", "tenant", "key", "value", "job_id"),)

    job_id: Mapped[str] = mapped_column(
        ID, ForeignKey("job.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(String(512))


Index("ix_dataset_name", Dataset.tenant, Dataset.name, Dataset.id)
Index("ix_dataset_image_split", DatasetImage.dataset_id, DatasetImage.split, DatasetImage.image_id)
Index("ix_idempotent_answer_created_at", IdempotentAnswer.created_at)
Index("ix_inquiry_subject_id", AnalysisRequest.subject_id)
Index("ix_prediction_batch_finished_at", PredictionBatch.finished_at)
Index("ix_study_name", Study.tenant, Study.name, Study.id)
Index("ix_work_item_waits_for", WorkItem.waits_for, WorkItem.id)
