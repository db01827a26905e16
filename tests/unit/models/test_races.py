from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from app.db.session import Database
from app.errors import InUse, NotFound
from app.models import service
from app.serving import service as serving
from tests.models import register_file


def point(database: Database, alias: str, version: int) -> None:
    with database.transaction() as session:
        service.point_alias(session, "ants", alias, version)


def delete(database: Database, version: int) -> None:
    with database.transaction() as session:
        service.delete_version(session, "ants", version)


def test_concurrent_registrations_get_consecutive_numbers(either_database: Database) -> None:
    with ThreadPoolExecutor(8) as threads:
        numbers = list(threads.map(lambda _: register_file(either_database), range(24)))
    assert sorted(numbers) == list(range(1, 25))
    with either_database.reading() as session:
        assert service.get_model(session, "ants").newest_version == 24


def test_one_of_concurrent_first_models_is_chosen(either_database: Database) -> None:
    names = [f"model-{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        versions = list(threads.map(partial(register_file, either_database), names))
    assert versions == [1] * 8
    with either_database.reading() as session:
        assert serving.get_chosen(session).model in {f"{name}:1" for name in names}


def test_concurrent_deletions_and_promotions_leave_no_dangling_alias(
    either_database: Database,
) -> None:
    register_file(either_database, "chosen")
    refusals: list[type[Exception]] = []

    def attempt(action: Callable[[], None]) -> None:
        try:
            action()
        except (InUse, NotFound) as refused:
            refusals.append(type(refused))

    with ThreadPoolExecutor(2) as threads:
        for _ in range(20):
            version = register_file(either_database)
            actions = [
                threads.submit(attempt, partial(delete, either_database, version)),
                threads.submit(attempt, partial(point, either_database, f"to-{version}", version)),
            ]
            for action in actions:
                action.result()
    assert len(refusals) == 20
    with either_database.reading() as session:
        model = service.get_model(session, "ants")
    kept = {version.version for version in model.versions}
    assert set(model.aliases.values()) == kept
    assert refusals.count(InUse) == len(kept)
