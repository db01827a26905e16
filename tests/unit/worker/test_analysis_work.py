"""The worker's part of analyses, and the jobs that wait for them."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.analyses import service as analyses
from app.analyses.repository import AnalysisRepository
from app.db.session import Database
from app.db.tables import AnalysisRequest, Dataset, Job, ModelVersion
from app.db.tenancy import DEFAULT_TENANT
from app.evaluations.schemas import EvaluateRequest, EvaluationParameters, Runtime
from app.evaluations.service import request_evaluation
from app.jobs import service as jobs
from app.jobs.repository import JobRepository
from app.recipes.schemas import JobRequest
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from app.tasks.service import Lease
from tests.answers import ADVICE, list_analyses
from tests.datasets import add_dataset
from tests.evaluations import add_labelled_dataset, register_versions
from worker.analysis_config import AnalysisConfig
from worker.kinds import begin, fail_subject, make_kinds
from worker.protocol import AnalysisDone
from worker.training.config import TrainingConfig


class Worker:
    """Claims items and records what a child would send."""

    def __init__(self, database: Database, settings: Settings, storage: LocalStorage) -> None:
        self.database = database
        self.settings = settings
        self.storage = storage
        self.kinds = make_kinds(settings, storage)

    def post(self, dataset_id: str, **fields: Any) -> str:
        request = JobRequest.model_validate({"dataset_id": dataset_id} | fields)
        with self.database.transaction() as session:
            return jobs.create_job(session, request, self.settings).id

    def claim(self, queue: str = "cpu") -> Lease:
        with self.database.transaction() as session:
            lease = work.claim(session, queue, "me")
        assert lease is not None
        return lease

    def complete(self, queue: str = "cpu") -> AnalysisConfig:
        """Complete the next analysis with ADVICE; return the configuration of its child."""
        lease = self.claim(queue)
        with self.database.transaction() as session:
            command, _ = begin(self.kinds, session, lease)
        assert command is not None
        with self.database.transaction() as session:
            self.kinds[lease.kind].record(session, lease, AnalysisDone(result=ADVICE))
            work.finish(session, lease)
        return AnalysisConfig.model_validate_json(command.configuration)

    def fail(self, session: Session, kind: str, subject_id: str, code: str, message: str) -> None:
        fail_subject(self.kinds, session, kind, subject_id, code, message)

    def begin_job(self) -> TrainingConfig | None:
        lease = self.claim("train")
        with self.database.transaction() as session:
            command, _ = begin(self.kinds, session, lease)
        return TrainingConfig.model_validate_json(command.configuration) if command else None

    def get_job(self, job_id: str) -> Job:
        with self.database.reading() as session:
            return JobRepository(session).get(job_id)


@pytest.fixture
def worker(database: Database, settings: Settings, storage: LocalStorage) -> Worker:
    return Worker(database, settings, storage)


@pytest.fixture
def dataset_id(database: Database) -> str:
    dataset_id = add_dataset(database, "ready")
    with database.transaction() as session:
        dataset = session.get_one(Dataset, dataset_id)
        dataset.manifest_key, dataset.digest = "datasets/1/manifest.jsonl", "0" * 64
    return dataset_id


def test_advice_decides_the_job_that_waits_for_it_once(worker: Worker, dataset_id: str) -> None:
    job_id = worker.post(dataset_id, strategy="auto", seed=3)
    analysis = worker.complete()
    assert analysis.question.kind == "advise"
    assert analysis.num_images == {"train": 16, "val": 8}
    config = worker.begin_job()
    assert config is not None
    assert (config.recipe.strategy, config.recipe.trainable_from) == ("partial", "layer4")
    assert (config.recipe.seed, config.recipe.epochs) == (3, 12)
    job = worker.get_job(job_id)
    assert job.config["strategy"] == "auto"
    assert job.resolved is not None
    assert job.resolved["config"]["strategy"] == "partial"
    assert job.resolved["advice"]["reason"] == ADVICE["reason"]
    assert job.progress["epochs"] == 12


def test_a_decided_job_keeps_its_decision_and_can_be_repeated(
    worker: Worker, database: Database, dataset_id: str
) -> None:
    job_id = worker.post(dataset_id, strategy="auto")
    worker.complete()
    first = worker.begin_job()
    with database.transaction() as session:
        worker.fail(session, "train", job_id, "DIVERGED", "no number")
        work.remove(session, work.lock_unfinished(session, job_id) or pytest.fail("no item"))
        jobs.resume_job(session, job_id, worker.settings)
    resumed = worker.begin_job()
    assert first is not None
    assert resumed is not None
    assert resumed.recipe == first.recipe
    with database.transaction() as session:
        clone = jobs.create_job(session, JobRequest(clone_of=job_id), worker.settings)
    assert clone.config["strategy"] == "partial"
    assert len(list_analyses(database)) == 1


def test_a_failed_analysis_fails_the_jobs_that_wait_for_it(
    worker: Worker, database: Database, dataset_id: str
) -> None:
    job_ids = [worker.post(dataset_id, strategy="auto", seed=seed) for seed in range(2)]
    lease = worker.claim()
    with database.transaction() as session:
        work.finish(session, lease)
        worker.fail(session, lease.kind, lease.subject_id, "WEIGHTS_UNAVAILABLE", "nowhere")
    for job_id in job_ids:
        job = worker.get_job(job_id)
        assert (job.status, job.error_code) == ("failed", "WEIGHTS_UNAVAILABLE")
    with database.transaction() as session:
        assert work.claim(session, "train", "me") is None


def test_an_invalid_dataset_fails_its_analyses_and_their_jobs(
    worker: Worker, database: Database
) -> None:
    dataset_id = add_dataset(database, "ingesting")
    with database.transaction() as session:
        work.enqueue(session, queue="cpu", kind="ingest", subject_id=dataset_id)
    waiting = worker.post(dataset_id, strategy="auto")
    plain = worker.post(dataset_id, weights="none")
    lease = worker.claim()
    assert lease.subject_id == dataset_id
    with database.transaction() as session:
        work.finish(session, lease)
        worker.fail(session, "ingest", dataset_id, "ARCHIVE_INVALID", "no archive")
    for job_id in (waiting, plain):
        job = worker.get_job(job_id)
        assert (job.status, job.error_code) == ("failed", "DATASET_INVALID")
    (analysis,) = list_analyses(database)
    assert (analysis.status, analysis.error_code) == ("failed", "DATASET_INVALID")
    with database.transaction() as session:
        assert work.claim(session, "cpu", "me") is None


def test_advice_that_contradicts_the_job_fails_it(worker: Worker, dataset_id: str) -> None:
    job_id = worker.post(dataset_id, strategy="auto", optimizer={"name": "lbfgs"})
    worker.complete()  # ADVICE says partial, which no solver can do
    assert worker.begin_job() is None
    job = worker.get_job(job_id)
    assert (job.status, job.error_code) == ("failed", "VALIDATION")


def test_equal_requests_share_one_analysis(either_database: Database) -> None:
    dataset_id = add_dataset(either_database, "ready")

    def request(**parameters: Any) -> AnalysisRequest:
        with either_database.transaction() as session:
            return analyses.request_analysis(
                session, kind="advise", subject_id=dataset_id, parameters=parameters
            )

    first = request(a=1, b=[2])
    assert request(b=[2], a=1).id == first.id
    assert request(a=1, b=[3]).id != first.id
    assert len(list_analyses(either_database)) == 2


def test_concurrent_equal_requests_share_one_analysis(either_database: Database) -> None:
    dataset_id = add_dataset(either_database, "ready")
    found: list[AnalysisRequest | None] = []
    found_by_fingerprint = AnalysisRepository.find_for_update

    def find_late(self: AnalysisRepository, fingerprint: str) -> AnalysisRequest | None:
        """Return None the first time, as before the other transaction's commit."""
        found.append(found_by_fingerprint(self, fingerprint) if found else None)
        return found[-1]

    with either_database.transaction() as session:
        first = analyses.request_analysis(
            session, kind="advise", subject_id=dataset_id, parameters={}
        )
    with pytest.MonkeyPatch.context() as patch, either_database.transaction() as session:
        patch.setattr(AnalysisRepository, "find_for_update", find_late)
        second = analyses.request_analysis(
            session, kind="advise", subject_id=dataset_id, parameters={}
        )
        assert second.id == first.id
    with either_database.transaction() as session:
        assert work.claim(session, "cpu", "me") is not None
        assert work.claim(session, "cpu", "me") is None


def test_the_child_of_an_evaluation_gets_the_version_and_the_images(
    worker: Worker, database: Database
) -> None:
    (version,) = register_versions(database, 1)
    images = add_labelled_dataset(database)
    with database.transaction() as session:
        request_evaluation(
            session,
            "ants",
            version,
            EvaluateRequest(dataset_id=images, split="val"),
            runtime=Runtime("torch", "fp32"),
        )
        registered = session.get_one(ModelVersion, (DEFAULT_TENANT, "ants", version))
    told = worker.complete("predict")
    assert isinstance(told.question, EvaluationParameters)
    assert told.question.checkpoint_key == registered.checkpoint_key
    assert told.question.class_names == registered.class_names
    assert (told.question.split, told.question.runtime) == ("val", Runtime("torch", "fp32"))
    assert (told.manifest_key, told.dataset_digest) == ("datasets/1/manifest.jsonl", "d" * 64)
    assert told.num_threads == worker.settings.num_threads
    assert make_kinds(worker.settings, worker.storage).keys() >= {told.question.kind}
