"""A study on a database, and the worker that carries its runs out."""

from collections.abc import Sequence
from typing import Any

from app.db.base import new_id
from app.db.session import Database
from app.db.tables import Dataset
from app.jobs.service import get_job
from app.settings import Settings
from app.storage import LocalStorage
from app.studies import service
from app.studies.expansion import expand
from app.studies.presentation import view_study
from app.studies.request_schemas import StudyRequest
from app.studies.schemas import StudyView
from app.tasks import service as work
from app.tasks.service import Lease
from worker.protocol import EpochRow, EpochsDone, Trained
from worker.training.work import TrainingWork


def add_dataset(database: Database) -> str:
    """A dataset of two classes that is ready, with 100 validation images."""
    dataset_id = new_id("ds")
    with database.transaction() as session:
        session.add(
            Dataset(
                id=dataset_id,
                name="colors",
                status="ready",
                class_names=["amber", "blue"],
                splits={"train": {"num_images": 16}, "val": {"num_images": 100}},
                progress={},
                report={},
                num_bytes=1,
                val_fraction=0.2,
                split_seed=0,
                labels={},
                upload_key="uploads/x",
                manifest_key="manifest",
                digest="0",
            )
        )
    return dataset_id


class Bench:
    """A database with a dataset, and a worker without a child."""

    def __init__(self, database: Database, settings: Settings, storage: LocalStorage) -> None:
        self.database = database
        self.settings = settings
        self.dataset_id = add_dataset(database)
        self.training = TrainingWork(settings, storage)

    def post(self, **fields: Any) -> str:
        request = StudyRequest.model_validate({"dataset_id": self.dataset_id} | fields)
        with self.database.transaction() as session:
            return service.create_study(session, request, expand(request), self.settings).id

    def look(self, study_id: str) -> StudyView:
        with self.database.reading() as session:
            return view_study(session, service.get_study(session, study_id))

    def begin(self) -> Lease:
        """Claim the oldest run and begin it."""
        with self.database.transaction() as session:
            lease = work.claim(session, "train", "me")
            assert lease is not None
            assert self.training.begin(session, lease)
        return lease

    def record(
        self, lease: Lease, first: int, accuracies: Sequence[float], *, rate: float | None = 0.1
    ) -> None:
        """Report epochs from `first` on, under one checkpoint."""
        rows = [
            EpochRow(
                epoch=first + offset,
                train_loss=0.5,
                train_accuracy=0.5,
                val_loss=0.5,
                val_accuracy=accuracy,
                learning_rate=rate,
                seconds=1.0,
                images_per_second=10.0,
                is_best=accuracy == max(accuracies),
            )
            for offset, accuracy in enumerate(accuracies)
        ]
        with self.database.transaction() as session:
            work.require_lease(session, lease)
            message = EpochsDone(rows=rows, state_key="state", best_key="best")
            self.training.record(session, lease, message)

    def finish(self, lease: Lease) -> None:
        """Report the result, as a child that was not stopped in time does."""
        with self.database.transaction() as session:
            work.require_lease(session, lease)
            message = Trained(
                model_key=lease.subject_id,
                model_digest="0",
                num_bytes=1,
                best_epoch=get_job(session, lease.subject_id).best_epoch or 0,
            )
            self.training.record(session, lease, message)
            work.finish(session, lease)

    def hears_cancel(self, lease: Lease) -> bool:
        with self.database.transaction() as session:
            return work.beat(session, lease).cancel

    def status_of(self, lease: Lease) -> str:
        with self.database.reading() as session:
            return get_job(session, lease.subject_id).status
