"""The kind of work `train`: configures the child process of a job and stores its messages."""

from sqlalchemy.orm import Session

from app.advice.service import apply_advice
from app.db.tables import Dataset, Epoch, Job
from app.errors import DatasetInvalid
from app.jobs import lifecycle
from app.jobs.repository import JobRepository
from app.jobs.service import get_base_model
from app.ml.recipe import is_decided
from app.models.repository import ModelRepository
from app.settings import Settings
from app.storage import LocalStorage
from app.studies.pruning import prune_if_behind
from app.tasks import service as work
from app.tasks.service import Lease
from worker.child import Command
from worker.portfolio import work as portfolio
from worker.protocol import (
    Decided,
    EpochsDone,
    Message,
    PortfolioChanged,
    Started,
    Trained,
    TrainProgress,
)
from worker.training.config import Resume, TrainingConfig


class TrainingWork:
    """The kind `train`: its subject is a job."""

    waits_for_space = True

    def __init__(self, settings: Settings, storage: LocalStorage) -> None:
        self.settings = settings
        self.storage = storage

    def begin(self, session: Session, lease: Lease) -> Command | None:
        job = lifecycle.begin_attempt(session, lease.subject_id, lease.attempt)
        dataset = session.get(Dataset, job.dataset_id)
        if dataset is None or dataset.status != "ready":
            reason = dataset.error_message if dataset else "it was deleted"
            raise DatasetInvalid(f"The dataset is not usable: {reason}")
        self._apply_advice(session, job, lease)
        configuration = self._configure(session, job, dataset, lease)
        decided = JobRepository(session).get_decided_config(job.id)
        if decided.time_budget_seconds is not None:
            searching = portfolio.configure(job, configuration)
            return Command("worker.portfolio", searching.model_dump_json())
        return Command("worker.training", configuration.model_dump_json())

    def record(self, session: Session, lease: Lease, message: Message) -> list[str]:
        job_id = lease.subject_id
        if isinstance(message, Started):
            lifecycle.record_start(session, job_id, message.resolved, message.environment)
        elif isinstance(message, TrainProgress):
            lifecycle.record_progress(session, job_id, message.model_dump(exclude={"type"}))
        elif isinstance(message, EpochsDone):
            work.mark_progress(session, lease)
            rows = [
                Epoch(job_id=job_id, **row.model_dump(exclude={"is_best"})) for row in message.rows
            ]
            superseded = lifecycle.record_epochs(
                session,
                job_id,
                rows,
                improved=[row.epoch for row in message.rows if row.is_best],
                state_key=message.state_key,
                best_key=message.best_key,
            )
            prune_if_behind(session, job_id, rows)
            return superseded
        elif isinstance(message, PortfolioChanged | Decided):
            if isinstance(message, Decided) or message.settled is not None:
                work.mark_progress(session, lease)
            portfolio.record(session, job_id, message)
        elif isinstance(message, Trained):
            return lifecycle.complete_job(
                session,
                job_id,
                model_key=message.model_key,
                model_digest=message.model_digest,
                num_bytes=message.num_bytes,
                report=message.report,
                trust_key=message.trust_key,
                predictions_key=message.predictions_key,
            )
        return []

    def requeue(self, session: Session, subject_id: str, reason: str) -> bool:
        return lifecycle.requeue_job(session, subject_id, reason)

    def fail(self, session: Session, subject_id: str, code: str, message: str) -> list[str]:
        lifecycle.fail_job(session, subject_id, code, message)
        return []

    def explain_to_waiting(self, code: str, message: str) -> tuple[str, str]:
        return code, message

    def _apply_advice(self, session: Session, job: Job, lease: Lease) -> None:
        """Replace the job's `auto` values by the advice that it has waited for.

        A job with a time budget decides them itself.
        """
        config = JobRepository(session).get_decided_config(job.id)
        if not is_decided(config) and config.time_budget_seconds is None:
            analysis_id = work.find_dependency(session, lease)
            apply_advice(session, job, analysis_id, get_base_model(job, config))

    def _configure(
        self, session: Session, job: Job, dataset: Dataset, lease: Lease
    ) -> TrainingConfig:
        resume = Resume(epoch=job.resume_epoch, state_key=job.state_key) if job.state_key else None
        return TrainingConfig(
            job_id=job.id,
            recipe=portfolio.get_first_recipe(
                job, JobRepository(session).get_decided_config(job.id)
            ),
            class_names=dataset.class_names,
            manifest_key=str(dataset.manifest_key),
            dataset_digest=str(dataset.digest),
            key_prefix=lease.file_folder + f"jobs/{job.id}/{lease.item_id}-{lease.fence}",
            storage_dir=self.storage.root,
            weights_dir=self.settings.weights_dir and self.settings.weights_dir.absolute(),
            weights_download=self.settings.weights_download,
            cache_dir=self.settings.image_cache_dir,
            image_cache_bytes=self.settings.image_cache_bytes,
            storage_floor_bytes=self.settings.storage_floor_bytes,
            device=self.settings.device,
            num_processes=self.settings.num_processes,
            base_model_key=job.base_model_key,
            base_model_digest=ModelRepository(session).find_checkpoint_digest(job.base_model_key)
            if job.base_model_key
            else None,
            resume=resume,
        )
