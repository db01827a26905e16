"""Concurrent promotions, evaluations and deletions, on both databases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from app.datasets.service import delete_dataset
from app.db.session import Database
from app.errors import Conflict, NotFound
from app.evaluations.schemas import EvaluateRequest, Runtime
from app.evaluations.service import RequestedEvaluation, request_evaluation
from app.models import events, service
from app.promotions import service as promotion
from app.promotions.alias_schemas import PointAlias
from app.promotions.schemas import SetGate
from app.serving.shadow_counts import Counts, Pair, ShadowCountsRepository
from tests.evaluations import add_labelled_dataset, finish_evaluations, register_versions
from tests.models import register_file

RUNTIME = Runtime("torch", "fp32")
TARGETS = [0, 1] * 10
PREDICTED = dict.fromkeys(range(1, 7), TARGETS)


def promote(database: Database, version: int) -> bool:
    """Promote a version; returns False if an evaluation is missing."""
    with database.transaction() as session:
        request = PointAlias(version=version)
        promoted = promotion.promote(session, "ants", "champion", request, runtime=RUNTIME)
        return not isinstance(promoted, RequestedEvaluation)


def evaluate(database: Database, dataset_id: str, version: int) -> None:
    with database.transaction() as session:
        request = EvaluateRequest(dataset_id=dataset_id)
        request_evaluation(session, "ants", version, request, runtime=RUNTIME)


def refused(action: Callable[[], object]) -> type[Exception] | None:
    try:
        action()
    except (Conflict, NotFound) as error:
        return type(error)
    return None


def test_each_of_several_promotions_is_compared_with_the_previous_one(
    either_database: Database,
) -> None:
    register_file(either_database, "chosen")
    versions = register_versions(either_database, 6)
    dataset_id = add_labelled_dataset(either_database)
    with either_database.transaction() as session:
        promotion.set_gate(session, "ants", SetGate(dataset_id=dataset_id))
    for version in versions:
        assert promote(either_database, version) is False
    finish_evaluations(either_database, TARGETS, PREDICTED)
    with ThreadPoolExecutor(len(versions)) as threads:
        assert all(threads.map(partial(promote, either_database), versions))
    with either_database.reading() as session:
        log = events.list_events(session, "ants", limit=100, after=None).data
        champion = service.get_model(session, "ants").aliases["champion"]
    moves = [event for event in reversed(log) if event.type == "alias_moved"]
    assert sorted(move.version or 0 for move in moves) == versions
    assert moves[-1].version == champion
    before = [None, *(move.version for move in moves[:-1])]
    assert [move.from_version for move in moves] == before
    assert [move.payload["verdict"]["champion_version"] for move in moves] == before


def test_deletion_during_an_evaluation_is_refused_or_done(
    either_database: Database,
) -> None:
    register_file(either_database, "chosen")
    with ThreadPoolExecutor(3) as threads:
        for number in range(6):
            (version,) = register_versions(either_database, 1)
            dataset_id = add_labelled_dataset(either_database)

            def remove_version(version: int = version) -> None:
                with either_database.transaction() as session:
                    service.delete_version(session, "ants", version)

            def remove_dataset(dataset_id: str = dataset_id) -> None:
                with either_database.transaction() as session:
                    delete_dataset(session, dataset_id)

            actions = [
                partial(evaluate, either_database, dataset_id, version),
                remove_version if number % 2 else remove_dataset,
                partial(evaluate, either_database, dataset_id, version),
            ]
            outcomes = list(threads.map(refused, actions))
            assert outcomes[1] is None
            assert set(outcomes) <= {None, NotFound}


def test_concurrent_gates_and_promotions_do_not_deadlock(
    either_database: Database,
) -> None:
    register_file(either_database, "chosen")
    register_versions(either_database, 2)
    datasets = [add_labelled_dataset(either_database, digest=digit * 64) for digit in "ab"]

    def set_gate(number: int) -> None:
        with either_database.transaction() as session:
            promotion.set_gate(session, "ants", SetGate(dataset_id=datasets[number % 2]))

    with ThreadPoolExecutor(4) as threads:
        futures = [
            threads.submit(
                refused,
                partial(set_gate, number) if number % 2 else partial(promote, either_database, 1),
            )
            for number in range(12)
        ]
        assert {future.result() for future in futures} <= {None, Conflict}


def test_counts_of_several_processes_add_up(either_database: Database) -> None:
    pair = Pair("ants", 1, "ants", 2)

    def add(number: int) -> None:
        with either_database.transaction() as session:
            counts = Counts(num_images=number, num_dropped=1, sum_abs_difference=0.5)
            ShadowCountsRepository(session).add(pair, counts)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(1, 25)))
    with either_database.reading() as session:
        counts = ShadowCountsRepository(session).get(pair)
        assert ShadowCountsRepository(session).get(pair._replace(version=3)) == Counts()
    assert counts == Counts(num_images=300, num_dropped=24, sum_abs_difference=12.0)
