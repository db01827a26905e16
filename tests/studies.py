"""A study on a database, and a worker without a child that reports its runs."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.db.session import Database
from app.jobs.service import get_job
from app.settings import Settings
from app.storage import LocalStorage
from app.studies import service
from app.studies.expansion import expand
from app.studies.request_schemas import StudyRequest
from app.studies.schemas import StudyView
from app.studies.views import view_study
from app.tasks import service as work
from app.tasks.service import Lease
from tests.datasets import add_dataset
from worker.protocol import EpochRow, EpochsDone, Trained
from worker.searches import ask_for_trials
from worker.training.work import TrainingWork

AccuracyOf = Callable[[Mapping[str, Any]], float]


BASE = {"weights": "none", "epochs": 9, "input_size": 64, "optimizer": {"name": "sgd"}}
RATES = {"low": 1e-6, "high": 1.0, "log": True}


def tpe(**fields: Any) -> dict[str, Any]:
    """An adaptive search for the learning rate."""
    return {
        "method": "tpe",
        "space": {"optimizer.learning_rate": RATES},
        "num_trials": 6,
        "num_startup_trials": 3,
    } | fields


def bowl(config: Mapping[str, Any]) -> float:
    """An accuracy that is best at a learning rate of 0.01."""
    return 0.9 - 0.02 * (math.log10(config["optimizer"]["learning_rate"]) + 2) ** 2


class StudyWorker:
    """A database with a dataset, and a worker without a child."""

    def __init__(self, database: Database, settings: Settings, storage: LocalStorage) -> None:
        self.database = database
        self.settings = settings
        self.dataset_id = add_dataset(database, num_val=100)
        self.training = TrainingWork(settings, storage)

    def post(self, **fields: Any) -> str:
        request = StudyRequest.model_validate({"dataset_id": self.dataset_id} | fields)
        with self.database.transaction() as session:
            return service.create_study(session, request, expand(request), self.settings).id

    def get_study(self, study_id: str) -> StudyView:
        with self.database.reading() as session:
            return view_study(session, service.get_study(session, study_id))

    def start(self) -> Lease:
        """Claim and start the oldest run."""
        with self.database.transaction() as session:
            lease = work.claim(session, "train", "me")
            assert lease is not None
            assert self.training.begin(session, lease)
        return lease

    def record(
        self, lease: Lease, first: int, accuracies: Sequence[float], *, rate: float | None = 0.1
    ) -> None:
        """Report epochs from `first` on, under one checkpoint.

        The balanced accuracies are half the accuracies.
        """
        rows = [
            EpochRow(
                epoch=first + offset,
                train_loss=0.5,
                train_accuracy=0.5,
                val_loss=0.5,
                val_accuracy=accuracy,
                val_balanced_accuracy=accuracy / 2,
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
        """Report the result, like a child that ends before it is stopped."""
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

    def is_cancel_requested(self, lease: Lease) -> bool:
        with self.database.transaction() as session:
            return work.beat(session, lease).cancel

    def status_of(self, lease: Lease) -> str:
        with self.database.reading() as session:
            return get_job(session, lease.subject_id).status

    def ask(self) -> None:
        """Ask for the next trials of adaptive searches, as a worker does before it claims."""
        ask_for_trials(self.database, self.settings)

    def run(self, study_id: str, accuracy_of: AccuracyOf) -> StudyView:
        """Run an adaptive search to its end, one run after the other; return the study.

        accuracy_of returns a run's only validation accuracy by its job's configuration.
        """
        while not self.get_study(study_id).is_terminal:
            self.ask()
            if not self.get_study(study_id).is_terminal:
                self.run_one(accuracy_of)
        return self.get_study(study_id)

    def run_one(self, accuracy_of: AccuracyOf) -> Lease:
        """Run the oldest run to its end, with one epoch."""
        lease = self.start()
        with self.database.reading() as session:
            config = get_job(session, lease.subject_id).config
        self.record(lease, 1, [accuracy_of(config)])
        self.finish(lease)
        return lease
