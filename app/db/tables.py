"""The tables. SQL is the truth: whatever must survive a crash stands here."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Json, UtcDateTime, now

ID = String(40)
NAME = String(63)


class Dataset(Base):
    """An upload, and after its check an immutable set of labelled images."""

    __tablename__ = "dataset"

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


class DatasetImage(Base):
    """One accepted image of a dataset."""

    __tablename__ = "dataset_image"
    __table_args__ = (Index("ix_dataset_image_class", "dataset_id", "split", "class_name"),)

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


class WorkItem(Base):
    """Something a worker must do, and the lease of the worker that does it.

    fence rises with every claim and every lost lease; a write under an older one is refused.
    strikes counts attempts in a row that ended without a reason or progress of their own: the
    worker disappeared or its child crashed. A queued item waits while `waits_for`, another item's
    subject, is unfinished. trace_parent is the span that asked for it, where requests are traced.
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


class Job(Base):
    """A training job. Its status moves only along `app.jobs.states`.

    dataset_id is no foreign key on purpose: a finished job outlives its dataset. request is what
    was sent, from which `auto` values are resolved; trial is the study's configuration it runs.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_status", "status"),
        Index("ix_job_dataset_id", "dataset_id"),
        Index("ix_job_study_id", "study_id", "trial"),
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


class Epoch(Base):
    """The metrics of one finished epoch; the primary key admits each epoch once."""

    __tablename__ = "epoch"

    job_id: Mapped[str] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    train_loss: Mapped[float]
    train_accuracy: Mapped[float]
    val_loss: Mapped[float]
    val_accuracy: Mapped[float]
    learning_rate: Mapped[float | None]
    seconds: Mapped[float]
    images_per_second: Mapped[float]


class JobReport(Base):
    """What the best checkpoint of a finished job was found to be worth."""

    __tablename__ = "job_report"

    job_id: Mapped[str] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    report: Mapped[dict[str, Any]] = mapped_column(Json)


class JobEvent(Base):
    """Something that happened to a job, numbered without gaps within it."""

    __tablename__ = "job_event"

    job_id: Mapped[str] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    event_number: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(String(32))
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Inquiry(Base):
    """A question that a worker answers once: advice on a dataset, the cost of a job, an export.

    fingerprint is the sha256 over kind, subject and parameters, so that the same question is asked
    once. Its status is `waiting`, `answered` or `failed`; subject_id is a dataset's, or for an
    export that of the job that trained the version. file_key is a file that belongs to the answer.
    """

    __tablename__ = "inquiry"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[str] = mapped_column(ID)
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    parameters: Mapped[dict[str, Any]] = mapped_column(Json)
    status: Mapped[str] = mapped_column(String(16))
    result: Mapped[dict[str, Any] | None] = mapped_column(Json)
    file_key: Mapped[str | None] = mapped_column(String(200))
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Study(Base):
    """Several configurations and seeds over one dataset, run as jobs and compared."""

    __tablename__ = "study"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str] = mapped_column(NAME)
    dataset_id: Mapped[str] = mapped_column(ID)
    config: Mapped[dict[str, Any]] = mapped_column(Json)
    labels: Mapped[dict[str, str]] = mapped_column("metadata", Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class StudyTrial(Base):
    """One configuration of a study, from 1; its runs are the jobs that name it.

    changes is what it changes about the fields that all runs share.
    """

    __tablename__ = "study_trial"

    study_id: Mapped[str] = mapped_column(
        ForeignKey("study.id", ondelete="CASCADE"), primary_key=True
    )
    trial: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    changes: Mapped[dict[str, Any]] = mapped_column(Json)


class Model(Base):
    """A name under which versions are registered.

    gate is what a version must pass before `champion` may point to it; null for nothing.
    """

    __tablename__ = "model"

    name: Mapped[str] = mapped_column(NAME, primary_key=True)
    last_version: Mapped[int]
    labels: Mapped[dict[str, str]] = mapped_column("metadata", Json)
    gate: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class ModelVersion(Base):
    """A servable checkpoint. job_id is where it came from; it is no foreign key on purpose.

    trust_key is the file of what its confidence is worth (`app.ml.trust.trust_file`), null for a
    version registered without; calibration holds the part that is read without that file.
    dataset_digest is that of the images it was trained on.
    """

    __tablename__ = "model_version"

    name: Mapped[str] = mapped_column(
        ForeignKey("model.name", ondelete="CASCADE"), primary_key=True
    )
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
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class ModelAlias(Base):
    """A movable pointer to one version of a model, such as `champion`."""

    __tablename__ = "model_alias"
    __table_args__ = (
        ForeignKeyConstraint(["name", "version"], ["model_version.name", "model_version.version"]),
    )

    name: Mapped[str] = mapped_column(NAME, primary_key=True)
    alias: Mapped[str] = mapped_column(NAME, primary_key=True)
    version: Mapped[int]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)


class RegistryEvent(Base):
    """Something that was done to a model: the audit log, never changed and never shortened.

    name is no foreign key on purpose: what happened stays true. from_version is where an alias
    pointed before; payload holds the rest (a gate's verdict, the reason of a forced promotion).
    """

    __tablename__ = "registry_event"
    __table_args__ = (Index("ix_registry_event_name", "name", "id"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str] = mapped_column(NAME)
    type: Mapped[str] = mapped_column(String(32))
    version: Mapped[int | None]
    alias: Mapped[str | None] = mapped_column(NAME)
    from_version: Mapped[int | None]
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Serving(Base):
    """The chosen model: a single row, there once a model has been chosen.

    shadow is a model reference that sees a share of the same images, and whose answers are only
    counted.
    """

    __tablename__ = "serving"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    model: Mapped[str] = mapped_column(String(160))
    shadow: Mapped[str | None] = mapped_column(String(160))
    shadow_fraction: Mapped[float] = mapped_column(default=0.0, server_default="0")
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)


class ShadowTally(Base):
    """How often a shadow model said the same as the model that answered.

    name and version are those of the model that answered; num_dropped counts images that the
    shadow did not see because the lanes were busy.
    """

    __tablename__ = "shadow_tally"

    name: Mapped[str] = mapped_column(NAME, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    shadow_name: Mapped[str] = mapped_column(NAME, primary_key=True)
    shadow_version: Mapped[int] = mapped_column(primary_key=True)
    num_images: Mapped[int] = mapped_column(BigInteger)
    num_agreed: Mapped[int] = mapped_column(BigInteger)
    num_dropped: Mapped[int] = mapped_column(BigInteger)
    num_failed: Mapped[int] = mapped_column(BigInteger)
    sum_abs_difference: Mapped[float]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)


class PredictionBatch(Base):
    """Many images classified by a worker: those of a dataset, or of an uploaded archive.

    status is queued, running, succeeded, failed or cancelled. The version is pinned when it is
    posted; options are those of POST /predict; counts has images, failed and per_label. part_keys
    are results so far, in order, from which the next attempt goes on.
    """

    __tablename__ = "prediction_batch"
    __table_args__ = (Index("ix_prediction_batch_dataset_id", "dataset_id"),)

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


class IdempotentAnswer(Base):
    """The answer once given to an Idempotency-Key, committed with what it created."""

    __tablename__ = "idempotent_answer"

    route: Mapped[str] = mapped_column(String(200), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    headers: Mapped[dict[str, str]] = mapped_column(Json)
    body: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
