"""The tables of the database; all state that must survive a crash is in them or in the storage."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Json, UtcDateTime, now
from app.db.tenant_rows import KeyedByTenant, TenantRow

ID = String(40)
NAME = String(63)


class Dataset(TenantRow, Base):
    """An uploaded dataset; its images and labels are immutable once it is ready."""

    __tablename__ = "dataset"
    __table_args__ = (
        Index("ix_dataset_status", "tenant", "status", "id"),
        Index("ix_dataset_tenant", "tenant", "id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str] = mapped_column(NAME)
    status: Mapped[str] = mapped_column(String(16))
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)
    class_names: Mapped[list[str]] = mapped_column(Json)
    splits: Mapped[dict[str, Any]] = mapped_column(Json)
    progress: Mapped[dict[str, Any]] = mapped_column(Json)
    report: Mapped[dict[str, Any]] = mapped_column(Json)
    digest: Mapped[str | None] = mapped_column(String(64))
    num_bytes: Mapped[int] = mapped_column(BigInteger)
    val_fraction: Mapped[float]
    split_seed: Mapped[int] = mapped_column(BigInteger)
    labels: Mapped[dict[str, str]] = mapped_column("metadata", Json)
    upload_key: Mapped[str] = mapped_column(String(200))
    manifest_key: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class DatasetImage(TenantRow, Base):
    """One accepted image of a dataset."""

    __tablename__ = "dataset_image"
    __table_args__ = (Index("ix_dataset_image_class", "dataset_id", "class_name", "image_id"),)

    dataset_id: Mapped[str] = mapped_column(
        ForeignKey("dataset.id", ondelete="CASCADE"), primary_key=True
    )
    image_id: Mapped[int] = mapped_column(primary_key=True)
    split: Mapped[str] = mapped_column(String(8))
    class_name: Mapped[str] = mapped_column(String(255))
    path: Mapped[str] = mapped_column(Text)
    storage_key: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))
    num_bytes: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int]
    height: Mapped[int]


class WorkItem(TenantRow, Base):
    """A unit of work for a worker, with the lease of the worker that runs it.

    fence increases with every claim and every expired lease; writes under an older fence are
    rejected. strikes counts crashes in a row without progress: the worker disappeared or its child
    crashed. A queued item waits until `waits_for`, the subject of another item, is finished.
    trace_parent is the span of the request that enqueued the item, if requests are traced.
    """

    __tablename__ = "work_item"
    __table_args__ = (
        Index("ix_work_item_claim", "status", "queue", "id"),
        Index("ix_work_item_subject", "subject_id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    queue: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[str] = mapped_column(ID)
    waits_for: Mapped[str | None] = mapped_column(ID)
    status: Mapped[str] = mapped_column(String(16))
    attempt: Mapped[int]
    strikes: Mapped[int]
    fence: Mapped[int]
    owner: Mapped[str | None] = mapped_column(String(36))
    heartbeat: Mapped[int] = mapped_column(BigInteger)
    trace_parent: Mapped[str | None] = mapped_column(String(64))
    cancel_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    stop_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Job(TenantRow, Base):
    """A training job; `app.jobs.states` defines the transitions of its status.

    dataset_id is not a foreign key, because a finished job may outlive its dataset. request is the
    request's body, from which `auto` values are resolved. trial is the number of the study's trial.
    portfolio is what a job with a time budget has tried; it is wide, so lists do not read it.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_status", "status", "id"),
        Index("ix_job_tenant", "tenant", "id"),
        Index("ix_job_tenant_status", "tenant", "status", "id"),
        Index("ix_job_finished_at", "tenant", "status", "finished_at", "study_id"),
        Index("ix_job_model_name", "tenant", "model_name", "id"),
        Index("ix_job_dataset_id", "tenant", "dataset_id", "id"),
        Index("ix_job_study_id", "tenant", "study_id", "id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    dataset_id: Mapped[str] = mapped_column(ID)
    study_id: Mapped[str | None] = mapped_column(ID)
    trial: Mapped[int | None]
    status: Mapped[str] = mapped_column(String(16))
    request: Mapped[dict[str, Any] | None] = mapped_column(Json)
    config: Mapped[dict[str, Any]] = mapped_column(Json)
    resolved: Mapped[dict[str, Any] | None] = mapped_column(Json)
    environment: Mapped[dict[str, Any] | None] = mapped_column(Json)
    progress: Mapped[dict[str, Any]] = mapped_column(Json)
    portfolio: Mapped[dict[str, Any] | None] = mapped_column(Json, deferred=True)
    attempts: Mapped[int]
    best_epoch: Mapped[int | None]
    resume_epoch: Mapped[int]
    state_key: Mapped[str | None] = mapped_column(String(200))
    best_key: Mapped[str | None] = mapped_column(String(200))
    base_model_key: Mapped[str | None] = mapped_column(String(200))
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)
    model_name: Mapped[str] = mapped_column(NAME)
    model_version: Mapped[int | None]
    event_number: Mapped[int]
    labels: Mapped[dict[str, str]] = mapped_column("metadata", Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Epoch(TenantRow, Base):
    """The metrics of one finished epoch."""

    __tablename__ = "epoch"

    job_id: Mapped[str] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    train_loss: Mapped[float]
    train_accuracy: Mapped[float]
    val_loss: Mapped[float]
    val_accuracy: Mapped[float]
    val_balanced_accuracy: Mapped[float | None]
    learning_rate: Mapped[float | None]
    seconds: Mapped[float]
    images_per_second: Mapped[float]


class JobReport(TenantRow, Base):
    """The evaluation of the best checkpoint of a finished job.

    predictions_key is the file with the predictions of each image (`app.jobs.prediction_file`); it
    is null for jobs that ended before there were such files.
    """

    __tablename__ = "job_report"

    job_id: Mapped[str] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    report: Mapped[dict[str, Any]] = mapped_column(Json)
    predictions_key: Mapped[str | None] = mapped_column(String(200))


class JobEvent(TenantRow, Base):
    """An event of a job; a job's events are numbered without gaps."""

    __tablename__ = "job_event"

    job_id: Mapped[str] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    event_number: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(String(32))
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class AnalysisRequest(TenantRow, Base):
    """A request for a result that a worker computes once: advice, a dry run, an export and others.

    fingerprint is the sha256 of kind, subject and parameters; equal requests share one row. status
    is `waiting`, `answered` or `failed`. subject_id is a dataset's id, or for an export the id of
    the job that trained the version. file_key is the result's file, if it has one.
    """

    __tablename__ = "inquiry"
    __table_args__ = (UniqueConstraint("tenant", "fingerprint"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[str] = mapped_column(ID)
    fingerprint: Mapped[str] = mapped_column(String(64))
    parameters: Mapped[dict[str, Any]] = mapped_column(Json)
    status: Mapped[str] = mapped_column(String(16))
    result: Mapped[dict[str, Any] | None] = mapped_column(Json)
    file_key: Mapped[str | None] = mapped_column(String(200))
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Model(KeyedByTenant, Base):
    """A registered model: a name with versions.

    gate holds the conditions that a version must pass before `champion` may point to it; null if
    there are none.
    """

    __tablename__ = "model"

    name: Mapped[str] = mapped_column(NAME, primary_key=True)
    last_version: Mapped[int]
    labels: Mapped[dict[str, str]] = mapped_column("metadata", Json)
    gate: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class ModelVersion(KeyedByTenant, Base):
    """A version of a registered model: a checkpoint that can be served.

    job_id is the job that trained it, not a foreign key because the job may be deleted. trust_key
    is its trust file (`app.ml.trust.trust_file`), null if it was registered without one;
    calibration is the part of it that is read without the file. dataset_digest is the digest of the
    dataset it was trained on.
    """

    __tablename__ = "model_version"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "name"], ["model.tenant", "model.name"], ondelete="CASCADE"
        ),
    )

    name: Mapped[str] = mapped_column(NAME, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ID)
    checkpoint_key: Mapped[str] = mapped_column(String(200))
    trust_key: Mapped[str | None] = mapped_column(String(200))
    quantized_key: Mapped[str | None] = mapped_column(String(200))
    quantized_from: Mapped[int | None]
    calibration: Mapped[dict[str, Any] | None] = mapped_column(Json)
    digest: Mapped[str] = mapped_column(String(64))
    dataset_digest: Mapped[str | None] = mapped_column(String(64))
    num_bytes: Mapped[int] = mapped_column(BigInteger)
    architecture: Mapped[str] = mapped_column(String(64))
    class_names: Mapped[list[str]] = mapped_column(Json)
    input_size: Mapped[int]
    val_accuracy: Mapped[float]
    val_balanced_accuracy: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class ModelAlias(KeyedByTenant, Base):
    """A movable pointer to one version of a model, such as `champion`."""

    __tablename__ = "model_alias"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "name", "version"],
            ["model_version.tenant", "model_version.name", "model_version.version"],
        ),
    )

    name: Mapped[str] = mapped_column(NAME, primary_key=True)
    alias: Mapped[str] = mapped_column(NAME, primary_key=True)
    version: Mapped[int]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)


class RegistryEvent(TenantRow, Base):
    """An entry of the audit log of registered models; entries are never changed or deleted.

    name is not a foreign key, because entries outlive their model. from_version is the version to
    which an alias pointed before. payload holds the rest, such as a gate's decision or the reason
    of a forced promotion.
    """

    __tablename__ = "registry_event"
    __table_args__ = (
        Index("ix_registry_event_name", "tenant", "name", "id"),
        Index("ix_registry_event_type", "tenant", "type", "id"),
        Index("ix_registry_event_tenant", "tenant", "id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str] = mapped_column(NAME)
    type: Mapped[str] = mapped_column(String(32))
    version: Mapped[int | None]
    alias: Mapped[str | None] = mapped_column(NAME)
    from_version: Mapped[int | None]
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class PredictionBatch(TenantRow, Base):
    """A batch prediction: a worker classifies the images of a dataset or of an uploaded archive.

    status is queued, running, succeeded, failed or cancelled. The model version is pinned when the
    batch is created. options are those of POST /predict. counts has num_bytes, what is stored
    for it now; after success it also has images, failed and per_label.
    part_keys are the results so far, in order; the next attempt continues after them.
    """

    __tablename__ = "prediction_batch"
    __table_args__ = (
        Index("ix_prediction_batch_dataset_id", "tenant", "dataset_id", "id"),
        Index("ix_prediction_batch_status", "tenant", "status", "id"),
        Index("ix_prediction_batch_tenant", "tenant", "id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    status: Mapped[str] = mapped_column(String(16))
    model_name: Mapped[str] = mapped_column(NAME)
    model_version: Mapped[int]
    checkpoint_key: Mapped[str] = mapped_column(String(200))
    trust_key: Mapped[str | None] = mapped_column(String(200))
    quantized_key: Mapped[str | None] = mapped_column(String(200))
    dataset_id: Mapped[str | None] = mapped_column(ID)
    split: Mapped[str | None] = mapped_column(String(8))
    upload_key: Mapped[str | None] = mapped_column(String(200))
    options: Mapped[dict[str, Any]] = mapped_column(Json)
    progress: Mapped[dict[str, Any]] = mapped_column(Json)
    counts: Mapped[dict[str, Any]] = mapped_column(Json)
    part_keys: Mapped[list[str]] = mapped_column(Json, default=list, server_default="[]")
    results_key: Mapped[str | None] = mapped_column(String(200))
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)
    labels: Mapped[dict[str, str]] = mapped_column("metadata", Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class IdempotentAnswer(KeyedByTenant, Base):
    """The stored response for an Idempotency-Key, committed with the resource it created."""

    __tablename__ = "idempotent_answer"

    route: Mapped[str] = mapped_column(String(200), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    headers: Mapped[dict[str, str]] = mapped_column(Json)
    body: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
