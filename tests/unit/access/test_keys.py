"""Keys, the first key, and where the service may listen without access control."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import cast

import pytest
from sqlalchemy import Table, inspect

from app.access.key_text import hash_secret, is_right, make_key, parse_key
from app.access.local_keys import create_local_admin_key, create_local_first_key
from app.access.network import is_loopback, require_access_control
from app.access.principal import SERVICE, Origin, Principal, acting_as, current_principal
from app.access.repository import KeyRepository
from app.access.schemas import CreateKey
from app.access.service import create_first_key, create_key
from app.db.access_tables import ApiKey, AuditEvent
from app.db.base import now
from app.db.session import Database
from app.errors import InputError, NotFound, Unavailable
from app.settings import Settings, SettingsInvalid
from app.tenants.service import create_tenant


def test_a_key_is_read_as_it_was_written() -> None:
    key = make_key()
    assert parse_key(str(key)) == key
    assert len(bytes.fromhex(key.secret)) * 8 == 256
    assert is_right(key.secret, hash_secret(key.secret))
    assert not is_right(key.secret, hash_secret(make_key().secret))
    assert not is_right(key.secret, None)


@pytest.mark.parametrize(
    "text", ["", "gk_", "gk_a_b", f"gk_{'0' * 24}_{'g' * 64}", f"sk_{'0' * 24}_{'0' * 64}"]
)
def test_another_text_is_no_key(text: str) -> None:
    assert parse_key(text) is None
    assert parse_key(f"{make_key()}\n") is None


def test_the_first_key_is_made_once_even_by_several_processes(either_database: Database) -> None:
    def create(_: int) -> object:
        with either_database.transaction() as session:
            return create_first_key(session)

    with ThreadPoolExecutor(4) as pool:
        made = [key for key in pool.map(create, range(4)) if key is not None]
    assert len(made) == 1
    with either_database.transaction() as session:
        (row,) = session.query(ApiKey).all()
        assert (row.scopes, row.tenant, row.created_by) == (["admin"], "default", "service")
        row.revoked_at = now()
    assert create(0) is None


def test_the_last_use_is_not_moved_back(either_database: Database) -> None:
    with either_database.transaction() as session:
        key = create_first_key(session)
        assert key is not None
        keys, moment, minute = KeyRepository(session), now(), timedelta(minutes=1)
        for seconds, expected in ((0, 0), (30, 0), (60, 60), (10, 60)):
            keys.note_use(key.id, moment + timedelta(seconds=seconds), minute)
            session.expire_all()
            stored = keys.find(key.id)
            assert stored is not None
            assert stored.last_used_at == moment + timedelta(seconds=expected)


def test_an_operator_makes_a_key_in_the_database(settings: Settings, database: Database) -> None:
    with pytest.raises(NotFound, match="graft tenants create acme"):
        create_local_admin_key(settings, name="me", tenant="acme")
    with database.transaction() as session:
        create_tenant(session, "acme")
    text = parse_key(create_local_admin_key(settings, name="me", tenant="acme"))
    assert text is not None
    with database.reading() as session:
        stored = KeyRepository(session).find(text.id)
        assert stored is not None
        assert stored.principal == Principal("acme", text.id, "me", "key", frozenset({"admin"}))
        assert session.get_one(ApiKey, text.id).created_by == "operator"
    assert create_local_first_key(settings) is None
    assert current_principal() is SERVICE
    for name, tenant in (("", "acme"), ("a\nb", "acme"), ("me", "Acme"), ("me", "")):
        with pytest.raises(InputError):
            create_local_admin_key(settings, name=name, tenant=tenant)


def test_a_tenant_that_does_not_exist_gets_no_key(either_database: Database) -> None:
    someone = Principal("acme", "key_1", "me", "key", frozenset({"admin"}))
    request = CreateKey(name="x", role="viewer")
    with acting_as(someone, Origin()):
        with either_database.transaction() as session, pytest.raises(NotFound, match="acme"):
            create_key(session, request)
        with either_database.transaction() as session:
            create_tenant(session, "acme")
            assert create_key(session, request).tenant == "acme"


def test_a_database_without_tables_is_an_error(settings: Settings) -> None:
    settings.data_dir.mkdir(parents=True)
    with pytest.raises(Unavailable, match="graft migrate"):
        create_local_first_key(settings)


def test_the_migration_makes_the_tables_that_the_code_has(either_database: Database) -> None:
    inspector = inspect(either_database.engine)
    for table in (cast("Table", ApiKey.__table__), cast("Table", AuditEvent.__table__)):
        found = {one["name"]: one["nullable"] for one in inspector.get_columns(table.name)}
        assert found == {column.name: column.nullable for column in table.columns}
        indexes = {one["name"]: one["column_names"] for one in inspector.get_indexes(table.name)}
        assert indexes == {
            index.name: [column.name for column in index.columns] for index in table.indexes
        }


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
def test_loopback_needs_no_access_control(host: str) -> None:
    require_access_control(Settings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "graft.example", ""])  # noqa: S104 - not bound
def test_other_addresses_need_it_or_an_explicit_setting(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(
        SettingsInvalid, match=r"GRAFT_ACCESS_CONTROL=true.*GRAFT_ALLOW_OPEN_NETWOR"
    ):
        require_access_control(Settings(host=host))
    require_access_control(Settings(host=host, access_control=True))
    require_access_control(Settings(host=host, allow_open_network=True))
