import pytest

from app.db.session import Database
from app.errors import InUse, ModelNotReady, NotFound
from app.models import service
from app.serving import service as serving
from app.serving.schemas import ChooseModel
from tests.models import register_file


def resolve(database: Database, reference: str) -> int:
    with database.reading() as session:
        return service.resolve_reference(session, reference).version


def point(database: Database, alias: str, version: int, *, name: str = "ants") -> None:
    with database.transaction() as session:
        service.point_alias(session, name, alias, version)


def delete(database: Database, version: int, *, name: str = "ants") -> None:
    with database.transaction() as session:
        service.delete_version(session, name, version)


def choose(database: Database, reference: str) -> None:
    with database.transaction() as session:
        serving.choose_model(session, ChooseModel(model=reference))


def test_a_bare_name_resolves_to_the_champion_else_the_newest(database: Database) -> None:
    for _ in range(3):
        register_file(database)
    assert resolve(database, "ants") == 3
    point(database, "champion", 2)
    assert resolve(database, "ants") == 2
    assert resolve(database, "ants@champion") == 2
    assert resolve(database, "ants:1") == 1


def test_an_alias_moves_forward_and_back(database: Database) -> None:
    register_file(database)
    register_file(database)
    for version in (1, 2, 1):
        point(database, "live", version)
        assert resolve(database, "ants@live") == version


@pytest.mark.parametrize("reference", ["bees", "bees:1", "ants:2", "ants@live", "bees@live"])
def test_unknown_references_are_not_found(database: Database, reference: str) -> None:
    register_file(database)
    with pytest.raises(NotFound):
        resolve(database, reference)


def test_an_alias_cannot_point_to_an_unknown_version(database: Database) -> None:
    register_file(database)
    with pytest.raises(NotFound):
        point(database, "live", 2)
    with pytest.raises(NotFound):
        point(database, "live", 1, name="bees")


def test_only_the_first_registered_model_is_chosen(database: Database) -> None:
    with database.reading() as session, pytest.raises(ModelNotReady):
        serving.get_chosen(session)
    register_file(database, "bees")
    register_file(database, "ants")
    with database.reading() as session:
        chosen = serving.get_chosen(session)
        assert service.resolve_chosen(session).name == "bees"
    assert (chosen.model, chosen.resolved.name, chosen.resolved.version) == ("bees:1", "bees", 1)


def test_the_chosen_reference_is_resolved_each_time(database: Database) -> None:
    register_file(database)
    register_file(database)
    point(database, "live", 1)
    choose(database, "ants@live")
    point(database, "live", 2)
    with database.reading() as session:
        assert service.resolve_chosen(session).version == 2


def test_the_number_of_a_deleted_version_is_not_reused(database: Database) -> None:
    register_file(database, "chosen")
    register_file(database)
    register_file(database)
    delete(database, 2)
    with pytest.raises(NotFound):
        resolve(database, "ants:2")
    assert resolve(database, "ants") == 1
    assert register_file(database) == 3


def test_a_model_without_versions_is_listed_and_not_ready(database: Database) -> None:
    register_file(database, "chosen")
    register_file(database)
    delete(database, 1)
    with database.reading() as session:
        model = service.get_model(session, "ants")
    assert (model.newest_version, model.versions) == (None, [])
    with pytest.raises(ModelNotReady):
        resolve(database, "ants")


def test_a_version_with_an_alias_cannot_be_deleted(database: Database) -> None:
    register_file(database, "chosen")
    register_file(database)
    point(database, "live", 1)
    with pytest.raises(InUse, match="live"):
        delete(database, 1)
    with database.transaction() as session:
        service.delete_alias(session, "ants", "live")
    delete(database, 1)


@pytest.mark.parametrize(("reference", "kept"), [("ants", 3), ("ants:2", 2), ("ants@live", 1)])
def test_the_chosen_version_cannot_be_deleted(
    database: Database, reference: str, kept: int
) -> None:
    for _ in range(3):
        register_file(database)
    point(database, "live", 1)
    choose(database, reference)
    with pytest.raises(InUse):
        delete(database, kept)
    with database.reading() as session:
        assert serving.get_chosen(session).resolved.version == kept


def test_the_alias_of_the_chosen_model_cannot_be_deleted(database: Database) -> None:
    register_file(database)
    point(database, "live", 1)
    choose(database, "ants@live")
    with database.transaction() as session, pytest.raises(InUse):
        service.delete_alias(session, "ants", "live")
    choose(database, "ants:1")
    with database.transaction() as session:
        service.delete_alias(session, "ants", "live")


def test_models_are_listed_by_name_in_pages(database: Database) -> None:
    for name in ("c", "a", "b", "b"):
        register_file(database, name)
    point(database, "live", 1, name="b")
    with database.reading() as session:
        first = service.list_models(session, limit=2, after=None)
        second = service.list_models(session, limit=2, after=first.last_id)
    assert [(m.name, m.newest_version, m.aliases) for m in first.data] == [
        ("a", 1, {}),
        ("b", 2, {"live": 1}),
    ]
    assert (first.first_id, first.last_id, first.has_more) == ("a", "b", True)
    assert [m.name for m in second.data] == ["c"]
    assert second.has_more is False
