"""Adaptive searches with the messages of a worker, on both kinds of database."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from app.db.session import Database
from app.db.study_tables import Study, StudyTrial
from app.db.tables import Job
from app.db.tenancy import acting_for
from app.errors import IllegalTransition, QuotaExceeded, ValidationFailed
from app.jobs import service as jobs
from app.jobs.service import cancel_job, delete_job, resume_job
from app.settings import Settings
from app.storage import LocalStorage
from app.studies import adaptive, proposals, service
from app.studies.importance import view_importance
from app.studies.observations import list_observations
from app.studies.request_schemas import Search
from app.studies.schemas import StudyView
from app.studies.space import locate
from tests.datasets import add_dataset
from tests.studies import BASE, RATES, StudyWorker, bowl, tpe
from worker.searches import ask_for_trials


@pytest.fixture
def worker(either_database: Database, settings: Settings, storage: LocalStorage) -> StudyWorker:
    return StudyWorker(either_database, settings, storage)


def changes_of(study: StudyView) -> list[dict[str, Any]]:
    return [one.changes for one in sorted(study.ranking, key=lambda one: one.trial)]


def test_each_trial_is_asked_for_with_the_results_so_far(worker: StudyWorker) -> None:
    study_id = worker.post(base=BASE, search=tpe(), seeds=2)
    study = worker.get_study(study_id)
    progress = study.search_progress
    assert progress is not None
    assert progress.model_dump() == {
        "status": "waiting_for_results",
        "message": "Waiting for results of 2 configurations before it asks for the next.",
        "num_trials": 6,
        "num_created": 2,
        "num_running": 2,
        "num_finished": 0,
        "num_invalid": 0,
    }
    assert study.progress.runs == 4, "two configurations with two seeds"
    worker.ask()
    assert worker.get_study(study_id).progress.runs == 4, "it waits"

    worker.run_one(bowl)
    worker.ask()
    assert worker.get_study(study_id).progress.runs == 4, "a run of the first trial is left"
    worker.run_one(bowl)
    worker.ask()
    assert worker.get_study(study_id).progress.runs == 6

    study = worker.run(study_id, bowl)
    assert (study.status, study.progress.succeeded) == ("finished", 12)
    assert study.search_progress is not None
    assert study.search_progress.status == "finished"
    assert study.search_progress.message == "All 6 configurations have ended."
    origins = {one.trial: one.origin for one in study.ranking}
    assert [origins[trial] for trial in range(1, 7)] == ["startup"] * 4 + ["model"] * 2
    assert len({str(changes) for changes in changes_of(study)}) == 6
    best = [point.best_val_accuracy for point in study.best_so_far]
    assert best == sorted(best)
    assert [point.num_trials for point in study.best_so_far] == [1, 2, 3, 4, 5, 6]
    assert study.ranking[0].best_val_accuracy is not None
    assert best[-1] == study.ranking[0].best_val_accuracy.mean
    assert study.best_so_far[-1].trial == study.ranking[0].trial


def test_importance_is_measured_on_the_trials_of_any_search(worker: StudyWorker) -> None:
    space = {"optimizer.learning_rate": RATES, "batch_size": [4, 8]}
    search = tpe(method="random", space=space, num_startup_trials=None)
    for given in (search, tpe(space=space)):
        study = worker.run(worker.post(base=BASE, search=given), bowl)
        with worker.database.reading() as session:
            view = view_importance(session, session.get_one(Study, study.id))
        assert view.num_trials == 6
        assert {one.field for one in view.data} == space.keys()
        assert sum(one.importance for one in view.data) == pytest.approx(1)
    unknown = worker.post(base=BASE, configurations=[{"name": "a"}])
    with worker.database.reading() as session:
        assert view_importance(session, session.get_one(Study, unknown)).data == []


def test_the_same_rows_give_the_same_trial(worker: StudyWorker) -> None:
    """Two studies of the same request take the same way, whatever else happens between."""
    first = worker.post(base=BASE, search=tpe())
    done = worker.run(first, bowl)
    second = worker.post(base=BASE, search=tpe())
    third = worker.post(base=BASE, search=tpe(seed=1))
    worker.run(second, bowl)
    assert changes_of(worker.get_study(second)) == changes_of(done)
    assert changes_of(worker.run(third, bowl)) != changes_of(done)


def test_any_database_gives_the_trials_that_the_results_alone_give(worker: StudyWorker) -> None:
    """PostgreSQL stores the fields of JSON in another order than they were sent in."""
    space = {"optimizer.learning_rate": RATES, "epochs": [1, 2, 3], "batch_size": [4, 8]}
    fields = tpe(space=space, num_parallel=1)
    study = worker.run(worker.post(base=BASE, search=fields), bowl)
    search = Search.model_validate(fields | {"space": dict(sorted(space.items()))})
    seen: list[proposals.Observation] = []
    for changes in changes_of(study):
        proposal = proposals.propose(search, seen)
        assert proposal is not None
        assert proposal.point == locate(search.space, changes)
        seen.append(proposals.Observation(proposal.point, "finished", bowl(changes)))
    assert all(one.name.startswith("batch_size") for one in study.ranking)


def test_no_more_trials_are_open_than_may_be(worker: StudyWorker) -> None:
    study_id = worker.post(base=BASE, search=tpe(num_parallel=1))
    assert worker.get_study(study_id).progress.runs == 1
    wide = worker.post(base=BASE, search=tpe(num_parallel=9))
    assert worker.get_study(wide).progress.runs == 6
    progress = worker.get_study(wide).search_progress
    assert progress is not None
    assert progress.message == "All 6 configurations have been chosen; 6 still run."


def test_several_workers_at_once_ask_for_one_trial(worker: StudyWorker) -> None:
    study_id = worker.post(base=BASE, search=tpe(num_trials=8))
    for expected in (3, 4, 5, 6):
        worker.run_one(bowl)
        with ThreadPoolExecutor(6) as pool:
            asked = [
                pool.submit(ask_for_trials, worker.database, worker.settings) for _ in range(6)
            ]
        assert [one.result() for one in asked] == [None] * 6
        study = worker.get_study(study_id)
        assert study.progress.runs == expected
        assert sorted(one.trial for one in study.ranking) == list(range(1, expected + 1))


def test_a_worker_that_dies_between_loses_no_trial(
    worker: StudyWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction is cut off after the trial and before its last job."""
    study_id = worker.post(base=BASE, search=tpe(), seeds=2)
    for _ in range(2):
        worker.run_one(bowl)
    create_job = jobs.create_job
    calls = []

    def die_at_the_second(*args: Any, **fields: Any) -> Any:
        calls.append(fields["trial"])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return create_job(*args, **fields)

    with monkeypatch.context() as patch:
        patch.setattr(adaptive, "create_job", die_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            worker.ask()
    assert calls == [3, 3]
    assert worker.get_study(study_id).progress.runs == 4, "nothing of it is stored"
    worker.ask()
    study = worker.get_study(study_id)
    assert study.progress.runs == 6
    assert sorted(one.trial for one in study.ranking) == [1, 2, 3]


def test_a_finite_space_is_tried_without_repeats_and_ends_early(worker: StudyWorker) -> None:
    space = {"batch_size": [4, 8], "epochs": {"low": 1, "high": 3, "integer": True}}
    search = tpe(space=space, num_trials=20, num_startup_trials=2)
    study = worker.run(worker.post(base=BASE, search=search), lambda config: config["epochs"] / 10)
    pairs = {(one["batch_size"], one["epochs"]) for one in changes_of(study)}
    assert len(pairs) == len(study.ranking) == 6
    assert study.search_progress is not None
    assert study.search_progress.status == "stopped"
    assert study.search_progress.message == (
        "All 6 configurations of the space have been tried, so the search ends before the 20 that "
        "were requested."
    )


def test_a_configuration_that_cannot_run_is_shown_and_the_next_is_asked(
    worker: StudyWorker,
) -> None:
    space = {
        "architecture": ["resnet18", "inception_v3"],
        "input_size": [32, 320],
        "epochs": {"low": 1, "high": 50, "integer": True},
    }
    study = worker.run(
        worker.post(base={"weights": "none"}, search=tpe(space=space)), lambda _: 0.5
    )
    invalid = [one for one in study.ranking if one.problem]
    valid = [one for one in study.ranking if not one.problem]
    assert (len(valid), study.progress.succeeded) == (6, 6)
    assert invalid
    for one in invalid:
        assert (one.changes["architecture"], one.changes["input_size"]) == ("inception_v3", 32)
        assert "input_size" in str(one.problem)
        assert (one.rank, one.runs) == (None, [])
    assert study.ranking[-len(invalid) :] == invalid
    assert study.search_progress is not None
    assert study.search_progress.num_invalid == len(invalid)


def test_too_many_invalid_configurations_end_the_search(
    worker: StudyWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base is changed behind the study's back, so that nothing can run any more."""
    study_id = worker.post(base=BASE, search=tpe())
    with worker.database.transaction() as session:
        study = session.get_one(Study, study_id)
        study.config = study.config | {"base": BASE | {"strategy": "partial"}}
    monkeypatch.setattr(adaptive, "MAX_INVALID_IN_A_ROW", 4)
    worker.run_one(bowl)
    worker.ask()
    progress = worker.get_study(study_id).search_progress
    assert progress is not None
    assert (progress.status, progress.num_created, progress.num_invalid) == ("stopped", 2, 4)
    assert progress.message.startswith(
        "The search ends because 4 configurations in a row cannot be run. The last one: "
    )
    assert not worker.get_study(study_id).is_terminal, "a run is left"
    worker.run_one(bowl)
    assert worker.get_study(study_id).is_terminal


def test_a_space_in_which_nothing_runs_is_refused(worker: StudyWorker) -> None:
    space = {"optimizer.name": ["lbfgs"], "strategy": ["scratch"], "batch_size": [4, 8]}
    with pytest.raises(ValidationFailed):
        worker.post(base={"weights": "none"}, search=tpe(space=space))


@pytest.mark.parametrize(
    ("space", "key"),
    [
        ({"optimizer.learning_rate": {"low": -1, "high": 1}}, "optimizer.learning_rate"),
        ({"epochs": [0, 3]}, "epochs"),
        (
            {"optimizer.name": ["sgd", "adamw"], "optimizer.momentum": [0.9]},
            "optimizer.momentum",
        ),
    ],
)
def test_a_value_that_is_never_valid_is_refused(
    worker: StudyWorker, space: dict[str, Any], key: str
) -> None:
    with pytest.raises(ValidationFailed) as caught:
        worker.post(base={"weights": "none"}, search=tpe(space=space))
    assert {problem.loc for problem in caught.value.problems} == {("body", "search", "space", key)}


def test_a_cancelled_study_asks_for_no_more(worker: StudyWorker) -> None:
    study_id = worker.post(base=BASE, search=tpe())
    with worker.database.transaction() as session:
        with pytest.raises(IllegalTransition):
            service.delete_study(session, study_id)
        service.cancel_study(session, study_id)
    worker.ask()
    study = worker.get_study(study_id)
    assert (study.status, study.progress.runs, study.progress.cancelled) == ("finished", 2, 2)
    assert study.search_progress is not None
    assert "cancelled" in study.search_progress.message
    with worker.database.transaction() as session:
        with pytest.raises(IllegalTransition):
            service.cancel_study(session, study_id)
        service.delete_study(session, study_id)


def test_a_study_between_two_trials_is_running_and_can_be_cancelled(worker: StudyWorker) -> None:
    study_id = worker.post(base=BASE, search=tpe(num_parallel=1))
    worker.run_one(bowl)
    study = worker.get_study(study_id)
    assert (study.status, study.finished_at) == ("running", None)
    assert study.search_progress is not None
    assert study.search_progress.status == "asking"
    with worker.database.transaction() as session:
        with pytest.raises(IllegalTransition):
            service.delete_study(session, study_id)
        service.cancel_study(session, study_id)
    worker.ask()
    assert worker.get_study(study_id).progress.runs == 1


def test_cancelled_resumed_and_deleted_runs_count_as_what_they_are(worker: StudyWorker) -> None:
    study_id = worker.post(base=BASE, search=tpe(num_trials=4))
    (first,) = next(one for one in worker.get_study(study_id).ranking if one.trial == 1).runs
    with worker.database.transaction() as session:
        cancel_job(session, first.job_id)
    worker.ask()
    assert worker.get_study(study_id).progress.runs == 3, "a cancelled run makes room"
    with worker.database.transaction() as session:
        resume_job(session, first.job_id, worker.settings)
    worker.run_one(bowl)
    worker.ask()
    assert worker.get_study(study_id).progress.runs == 3, "the resumed run takes its place again"
    second = worker.run_one(bowl)
    with worker.database.transaction() as session:
        delete_job(session, second.subject_id)
        assert sorted(
            one.outcome for one in list_observations(session, session.get_one(Study, study_id))
        ) == ["failed", "finished", "running"]
    study = worker.run(study_id, bowl)
    assert sorted(one.trial for one in study.ranking) == [1, 2, 3, 4]


def test_a_search_waits_for_the_quota(
    either_database: Database, settings: Settings, storage: LocalStorage
) -> None:
    limited = settings.model_copy(update={"tenant_max_unfinished_jobs": 3})
    worker = StudyWorker(either_database, limited, storage)
    with pytest.raises(QuotaExceeded):
        worker.post(base=BASE, search=tpe(), seeds=4)
    study_id = worker.post(base=BASE, search=tpe(), seeds=2)
    progress = worker.get_study(study_id).search_progress
    assert progress is not None
    assert (progress.status, progress.num_created) == ("waiting_for_quota", 1)
    assert progress.message.startswith("Waiting until the quota allows more jobs: 3 jobs")
    worker.ask()
    assert worker.get_study(study_id).progress.runs == 2, "all runs of a trial or none"
    study = worker.run(study_id, bowl)
    assert (study.status, study.progress.succeeded) == ("finished", 12)


def test_a_trial_belongs_to_the_tenant_of_its_study(worker: StudyWorker) -> None:
    with acting_for("bees"):
        worker.dataset_id = add_dataset(worker.database, num_val=100)
        study_id = worker.post(base=BASE, search=tpe())
    worker.run_one(bowl)
    worker.ask()
    with worker.database.reading() as session:
        assert session.scalars(select(StudyTrial.tenant)).all() == ["bees"] * 3
        assert session.scalars(select(Job.tenant)).all() == ["bees"] * 3
    with acting_for("bees"):
        assert worker.get_study(study_id).progress.runs == 3


def test_an_error_of_the_service_ends_the_search_with_a_note(
    worker: StudyWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_id = worker.post(base=BASE, search=tpe())
    other = worker.post(base=BASE, search=tpe(seed=5))
    worker.run_one(bowl)
    worker.run_one(bowl)

    def fail_once(search: Search, observations: Any) -> Any:
        if search.seed == 0:
            raise ArithmeticError("no number")
        return proposals.propose(search, observations)

    monkeypatch.setattr(adaptive, "propose", fail_once)
    worker.ask()
    study = worker.get_study(study_id)
    assert study.is_terminal
    assert study.search_progress is not None
    assert study.search_progress.message == (
        "The search ended by an error of the service: ArithmeticError('no number')"
    )
    assert worker.get_study(other).progress.runs == 2
    worker.run_one(bowl)
    worker.ask()
    assert worker.get_study(other).progress.runs == 3, "other searches go on"
