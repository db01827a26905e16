"""A model of the life cycle of jobs: any order of what users, workers and reapers do.

Every step is the code that the service runs: routes' services, the worker's recorder, the reaper.
Only the children are left out: the model sends what they would send.
"""

from dataclasses import dataclass
from typing import Self

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import delete, select

from app.db.base import Base
from app.db.session import Database
from app.db.tables import Dataset, Epoch, Job, JobEvent, ModelVersion, WorkItem
from app.errors import IllegalTransition
from app.jobs import service as jobs
from app.jobs.states import TERMINAL
from app.recipes.schemas import JobRequest
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from app.tasks.service import StaleLeaseError
from tests.datasets import add_dataset
from tests.unit.training.conftest import CLASS_NAMES, store_pictures
from worker.child import Exited
from worker.kinds import begin, make_kinds
from worker.protocol import EpochRow, EpochsDone, Ingested, Message, Trained
from worker.reaper import Reaper
from worker.recorder import Recorder

MAX_JOBS = 4
LEASE_SECONDS = 30.0


@dataclass
class Attempt:
    """A worker at work on a job, or a zombie whose lease has ended."""

    recorder: Recorder
    last_epoch: int
    is_live: bool = True

    @property
    def job_id(self) -> str:
        return self.recorder.lease.subject_id


class LifeCycle(RuleBasedStateMachine):
    """Users, workers and a reaper act on a few jobs in any order."""

    def __init__(self, database: Database, storage: LocalStorage, settings: Settings) -> None:
        super().__init__()
        self.database = database
        self.storage = storage
        self.settings = settings
        self.kinds = make_kinds(settings, storage)
        self.moment = 1000.0
        self.reaper = Reaper(
            database, self.kinds, storage, lease_seconds=LEASE_SECONDS, clock=lambda: self.moment
        )
        self.manifest_key = store_pictures(storage, 4, 2)
        self.ready = add_dataset(
            database,
            digest="0" * 64,
            manifest_key=self.manifest_key,
            class_names=CLASS_NAMES,
        )
        self.jobs: list[str] = []
        self.attempts: list[Attempt] = []

    # What users do.

    @precondition(lambda self: len(self.jobs) < MAX_JOBS)
    @rule(is_ready=st.booleans())
    def submit(self, is_ready: bool) -> None:
        dataset_id = self.ready if is_ready else self._upload()
        with self.database.transaction() as session:
            request = JobRequest(dataset_id=dataset_id, weights="none", epochs=50)
            self.jobs.append(jobs.create_job(session, request, self.settings).id)

    def _upload(self) -> str:
        dataset_id = add_dataset(self.database, "ingesting")
        with self.database.transaction() as session:
            work.enqueue(session, queue="cpu", kind="ingest", subject_id=dataset_id)
        return dataset_id

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), wish=st.sampled_from(["cancel", "stop", "resume"]))
    def request(self, data: st.DataObject, wish: str) -> None:
        job_id = data.draw(st.sampled_from(self.jobs))
        before = self._status(job_id)
        try:
            with self.database.transaction() as session:
                if wish == "resume":
                    jobs.resume_job(session, job_id, self.settings)
                elif wish == "stop":
                    jobs.stop_job(session, job_id)
                else:
                    jobs.cancel_job(session, job_id)
        except IllegalTransition:
            assert self._status(job_id) == before
        else:
            is_over = before in TERMINAL
            assert is_over == (wish == "resume"), f"{wish} of a {before} job was accepted"

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(self.jobs))
        if self._status(job_id) in TERMINAL:
            with self.database.transaction() as session:
                jobs.delete_job(session, job_id)
            self.jobs.remove(job_id)

    # What workers do.

    @rule(queue=st.sampled_from(["train", "train", "train", "cpu"]), is_good=st.booleans())
    def claim(self, queue: str, is_good: bool) -> None:
        with self.database.transaction() as session:
            lease = work.claim(session, queue, "worker", settings=self.settings)
            if lease is None:
                return
            assert not any(
                one.is_live and one.job_id == lease.subject_id for one in self.attempts
            ), "two workers have one job"
            command, _ = begin(self.kinds, session, lease)
        if command is None:
            return
        recorder = Recorder(self.database, self.storage, lease, self.kinds, self.settings)
        if queue == "cpu":
            self._ingest(recorder, is_good=is_good)
            return
        with self.database.reading() as session:
            resume_epoch = session.get_one(Job, lease.subject_id).resume_epoch
        self.attempts.append(Attempt(recorder, resume_epoch))

    def _ingest(self, recorder: Recorder, *, is_good: bool) -> None:
        if not is_good:
            recorder.fail("ARCHIVE_INVALID", "It is not an archive.")
            return
        split = {"num_images": 4, "per_class": dict.fromkeys(CLASS_NAMES, 2)}
        recorder.record(
            Ingested(
                manifest_key=self.manifest_key,
                digest="0" * 64,
                class_names=CLASS_NAMES,
                splits={"train": split, "val": split},
                report={},
            )
        )

    @precondition(lambda self: self.attempts)
    @rule(data=st.data())
    def beat(self, data: st.DataObject) -> None:
        attempt = self._draw(data)
        with self._expecting_rejection(attempt) as guard:
            guard.requests = attempt.recorder.beat()
        if guard.requests is not None and guard.requests.cancel:
            attempt.recorder.cancel()
            attempt.is_live = False

    @precondition(lambda self: self.attempts)
    @rule(data=st.data(), number=st.integers(1, 3))
    def commit_epochs(self, data: st.DataObject, number: int) -> None:
        attempt = self._draw(data)
        rows = [make_row(attempt.last_epoch + 1 + one) for one in range(number)]
        with self._expecting_rejection(attempt):
            attempt.recorder.record(EpochsDone(rows=rows, state_key="state", best_key="best"))
            attempt.last_epoch += number

    @precondition(lambda self: self.attempts)
    @rule(data=st.data(), end=st.sampled_from(["finish", "fail", "crash", "crash", "drain"]))
    def end_attempt(self, data: st.DataObject, end: str) -> None:
        attempt = self._draw(data)
        recorder = attempt.recorder
        with self._expecting_rejection(attempt):
            if end == "finish":
                if attempt.is_live and attempt.last_epoch == 0:
                    return
                recorder.record(TRAINED)
            elif end == "fail":
                recorder.fail("DIVERGED", "The loss was no longer a finite number.")
            elif end == "crash":
                recorder.end(Exited(-9))
            else:
                recorder.requeue("the worker is shutting down")
        attempt.is_live = False

    @rule(data=st.data())
    def reap(self, data: st.DataObject) -> None:
        """Let a lease's duration pass, in which only some workers beat."""
        self.reaper.check()
        for attempt in self.attempts:
            if attempt.is_live and data.draw(st.booleans()):
                attempt.recorder.beat()
            else:
                attempt.is_live = False
        for _ in range(3):
            self.moment += LEASE_SECONDS / 3
            self.reaper.check()

    def _draw(self, data: st.DataObject) -> Attempt:
        return data.draw(st.sampled_from(self.attempts))

    def _expecting_rejection(self, attempt: Attempt) -> "Guard":
        return Guard(self, attempt)

    # What must hold.

    @invariant()
    def every_job_is_consistent(self) -> None:
        with self.database.reading() as session:
            for job_id in self.jobs:
                job = session.get_one(Job, job_id)
                events = session.scalars(
                    select(JobEvent)
                    .where(JobEvent.job_id == job_id)
                    .order_by(JobEvent.event_number)
                ).all()
                epochs = session.scalars(
                    select(Epoch.epoch).where(Epoch.job_id == job_id).order_by(Epoch.epoch)
                ).all()
                items = session.scalars(
                    select(WorkItem.status).where(
                        WorkItem.subject_id == job_id, WorkItem.status != "done"
                    )
                ).all()
                versions = session.scalars(
                    select(ModelVersion).where(ModelVersion.job_id == job_id)
                ).all()
                check_events(job, [event.type for event in events])
                told = [event.payload["epoch"] for event in events if event.type == "epoch"]
                assert list(epochs) == told == list(range(1, job.resume_epoch + 1))
                expected = {"queued": ["queued"], "running": ["running"]}
                expected["cancelling"] = ["running"]
                assert list(items) == expected.get(job.status, [])
                assert len(versions) == (job.status == "succeeded")

    def teardown(self) -> None:
        """Drain everything: no job may be left unfinished."""
        try:
            self.reaper.check()
            for attempt in self.attempts:
                attempt.is_live = False
            for _ in range(3):
                self.moment += LEASE_SECONDS / 3
                self.reaper.check()
            self._work_off()
            self.every_job_is_consistent()
            assert {self._status(job_id) for job_id in self.jobs} <= TERMINAL
        finally:
            with self.database.transaction() as session:
                by_table = {mapper.local_table: mapper.class_ for mapper in Base.registry.mappers}
                for table in reversed(Base.metadata.sorted_tables):
                    session.execute(delete(by_table[table]))

    def _work_off(self) -> None:
        for queue in ("cpu", "train"):
            while True:
                number = len(self.attempts)
                with self.database.reading() as session:
                    if queue not in work.list_queues_with_work(session):
                        break
                self.claim(queue, True)
                for attempt in self.attempts[number:]:
                    row = make_row(attempt.last_epoch + 1)
                    attempt.recorder.record(
                        EpochsDone(rows=[row], state_key="state", best_key="best")
                    )
                    attempt.recorder.record(TRAINED)
                    attempt.is_live = False

    def _status(self, job_id: str) -> str:
        with self.database.reading() as session:
            return session.get_one(Job, job_id).status

    def snapshot(self) -> list[object]:
        """Return every row that an attempt could write."""
        with self.database.reading() as session:
            return [
                tuple(row)
                for table in (Job, Epoch, JobEvent, WorkItem, ModelVersion, Dataset)
                for row in session.execute(select(*table.__table__.columns)).all()
            ]


class Guard:
    """Expects that a live attempt's write is accepted, and that a zombie's changes nothing."""

    def __init__(self, machine: LifeCycle, attempt: Attempt) -> None:
        self.machine = machine
        self.attempt = attempt
        self.requests: work.UserRequests | None = None
        self.before: list[object] = []

    def __enter__(self) -> Self:
        if not self.attempt.is_live:
            self.before = self.machine.snapshot()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        if self.attempt.is_live:
            return False
        assert kind is StaleLeaseError, "a write past its fence was accepted"
        assert sorted(map(repr, self.machine.snapshot())) == sorted(map(repr, self.before))
        return True


def check_events(job: Job, types: list[str]) -> None:
    """Fail unless a terminal state is left by a resume alone."""
    state = ""
    for one in types:
        assert state not in TERMINAL or one == "resumed", f"{one} after {state}"
        state = one
    assert (state in TERMINAL) == (job.status in TERMINAL)
    if job.status in TERMINAL:
        assert state == job.status


def make_row(epoch: int) -> EpochRow:
    return EpochRow(
        epoch=epoch,
        train_loss=0.5,
        train_accuracy=0.7,
        val_loss=0.5,
        val_accuracy=0.75,
        learning_rate=0.1,
        seconds=1.0,
        images_per_second=4.0,
        is_best=epoch == 1,
    )


TRAINED: Message = Trained(best_epoch=1, model_key="model", model_digest="ab", num_bytes=1)
