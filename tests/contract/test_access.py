"""Who may do what: keys, scopes, and what is answered without them."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message

from app.access import authentication, service
from app.access.principal import EVERYBODY, Origin, acting_as
from app.access.route_scopes import find_required
from app.access.scopes import ROLES, SCOPES, Scope, sort_scopes
from app.db.access_tables import ApiKey
from app.db.base import now
from app.db.session import Database
from app.main import create_app
from app.settings import Settings
from app.storage import LocalStorage
from tests.contract.conftest import BuildApp
from tests.contract.datasets import check_upload, upload
from tests.contract.operations import example_of, list_operations
from tests.tenants import ensure_tenant

MakeKey = Callable[..., str]


@pytest.fixture(scope="module")
def operations() -> list[tuple[str, str]]:
    return list_operations()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"access_control": True})


@pytest.fixture
def anonymous(settings: Settings, database: Database, build_app: BuildApp) -> Iterator[TestClient]:
    """A client without a key; routes run without a model."""
    assert database.engine.url.database
    with TestClient(build_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def make_key(database: Database) -> MakeKey:
    def make(*scopes: Scope, tenant: str = "default", **columns: Any) -> str:
        sender = replace(EVERYBODY, tenant=tenant)
        with database.transaction() as session, acting_as(sender, Origin()):
            ensure_tenant(session, tenant)
            row, text = service.add_key(session, "test", list(scopes), tenant=tenant)
            for name, value in columns.items():
                setattr(row, name, value)
            return str(text)

    return make


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_without_a_key_only_public_routes_answer(
    anonymous: TestClient, operations: list[tuple[str, str]]
) -> None:
    for method, path in operations:
        answer = anonymous.request(method, example_of(path))
        if path.startswith("/auth"):
            assert answer.status_code in {200, 204, 404, 415}, (method, path)
            continue
        if find_required(f"{method} {path}") is None:
            assert answer.status_code < 300, (method, path)
            continue
        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")
        assert answer.headers["www-authenticate"] == 'Bearer realm="graft"'
        assert answer.headers["cache-control"] == "no-store"
        assert "GRAFT_API_KEY" in answer.json()["detail"]
    for path in ("/nowhere", "/jobs/", "/ui/../jobs"):
        assert anonymous.get(path, follow_redirects=False).status_code in {401, 404}


def test_a_key_with_every_scope_but_the_needed_one_is_forbidden(
    anonymous: TestClient, make_key: MakeKey, operations: list[tuple[str, str]]
) -> None:
    keys = {
        scope: make_key(*(one for one in SCOPES if one not in {scope, "admin"})) for scope in SCOPES
    }
    num_tried = 0
    for method, path in operations:
        for scope in find_required(f"{method} {path}") or ():
            answer = anonymous.request(method, example_of(path), headers=bearer(keys[scope]))
            assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN"), (method, path)
            assert f"`{scope}`" in answer.json()["detail"]
            assert f'scope="{scope}"' in answer.headers["www-authenticate"]
            num_tried += 1
    assert num_tried > 70


def test_a_key_with_only_the_needed_scopes_reaches_the_route(
    anonymous: TestClient, make_key: MakeKey, operations: list[tuple[str, str]]
) -> None:
    for method, path in operations:
        required = find_required(f"{method} {path}")
        if required is None or path.endswith("/stream"):
            continue
        headers = bearer(make_key(*required))
        answer = anonymous.request(method, example_of(path), headers=headers)
        assert answer.status_code not in {401, 403}, (method, path, answer.text)
        control = answer.headers["cache-control"]
        assert "private" in control or "no-store" in control, (method, path)


def test_images_may_be_stored_by_nobody_but_the_requester(
    anonymous: TestClient, make_key: MakeKey, database: Database, storage: LocalStorage
) -> None:
    anonymous.headers.update(bearer(make_key("admin")))
    dataset_id = upload(anonymous).json()["id"]
    check_upload(dataset_id, database, storage)
    image_id = anonymous.get(f"/datasets/{dataset_id}/images").json()["data"][0]["id"]
    for path in (
        "",
        "/images",
        f"/images/{image_id}",
        f"/images/{image_id}?size=64",
        "/preview.png",
    ):
        answer = anonymous.get(f"/datasets/{dataset_id}{path}")
        assert answer.status_code == 200
        control = answer.headers.get_list("cache-control")
        assert len(control) == 1
        assert "private" in control[0] or control[0] == "no-store"
        assert "public" not in control[0]


def test_an_administrator_may_do_everything_but_see_other_tenants_machines(
    anonymous: TestClient, make_key: MakeKey
) -> None:
    for path in ("/datasets", "/jobs", "/models", "/keys", "/metrics", "/service", "/overview"):
        assert anonymous.get(path, headers=bearer(make_key("admin"))).status_code == 200, path
    other = bearer(make_key("admin", tenant="acme"))
    assert anonymous.get("/keys", headers=other).status_code == 200
    assert anonymous.get("/metrics", headers=other).status_code == 403
    told = anonymous.get("/whoami", headers=other).json()
    assert told["tenant"] == "acme"
    assert told["scopes"] == [scope for scope in SCOPES if scope != "metrics"]


class TestBadKeys:
    def test_all_are_answered_with_the_same_words(
        self, anonymous: TestClient, make_key: MakeKey
    ) -> None:
        good = make_key("jobs:read")
        prefix, key_id, secret = good.split("_")
        changed = ("0" if secret[0] != "0" else "1") + secret[1:]
        bad = [
            f"{prefix}_{key_id}_{changed}",
            f"{prefix}_{'0' * 24}_{secret}",
            make_key("jobs:read", expires_at=now() - timedelta(seconds=1)),
            make_key("jobs:read", revoked_at=now()),
            f"{good}0",
            good.upper(),
            "gk_",
            "é",
        ]
        answers = [
            anonymous.get("/jobs", headers={b"Authorization": f"Bearer {key}".encode()})
            for key in bad
        ]
        assert {answer.status_code for answer in answers} == {401}
        problems = [answer.json() for answer in answers]
        for problem in problems:
            del problem["request_id"]
        assert all(problem == problems[0] for problem in problems)
        assert {answer.headers["www-authenticate"] for answer in answers} == {
            'Bearer realm="graft", error="invalid_token"'
        }
        assert anonymous.get("/jobs", headers=bearer(good)).status_code == 200

    @pytest.mark.parametrize("header", ["", "Basic Z2s6", "Bearer", "gk_1"])
    def test_another_header_is_none(self, anonymous: TestClient, header: str) -> None:
        answer = anonymous.get("/jobs", headers={"Authorization": header})
        assert answer.status_code == 401

    def test_a_key_ends_when_it_expires(
        self, anonymous: TestClient, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = bearer(make_key("jobs:read", expires_at=now() + timedelta(hours=1)))
        assert anonymous.get("/jobs", headers=key).status_code == 200
        later = now() + timedelta(hours=2)
        monkeypatch.setattr(authentication, "now", lambda: later)
        assert anonymous.get("/jobs", headers=key).status_code == 401  # although it is cached


def test_the_body_of_a_rejected_request_is_not_read(
    settings: Settings, anonymous: TestClient, make_key: MakeKey, build_app: BuildApp
) -> None:
    app, portal = build_app(settings), anonymous.portal
    assert portal is not None
    for key, status in ((None, 401), (make_key("jobs:read"), 403)):
        sent: list[Message] = []

        async def receive() -> Message:
            raise AssertionError("the body was read")

        async def send(message: Message) -> None:
            sent.append(message)  # noqa: B023 - called before the next round

        headers = [
            (b"host", b"localhost"),
            (b"content-type", b"multipart/form-data; boundary=x"),
            (b"content-length", str(10**13).encode()),
            *([(b"authorization", f"Bearer {key}".encode())] if key else []),
        ]
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/datasets",
            "headers": headers,
            "query_string": b"",
            "client": ("127.0.0.1", 1),
        }
        portal.call(app, scope, receive, send)
        assert sent[0]["status"] == status


def test_a_key_is_made_listed_used_and_revoked(
    anonymous: TestClient, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "FRESH_SECONDS", 0)
    admin = bearer(make_key("admin"))
    body = {"name": "ci", "role": "trainer"}
    created = anonymous.post("/keys", json=body, headers=admin)
    assert created.status_code == 201
    assert created.headers["cache-control"] == "no-store"
    key, key_id = created.json()["key"], created.json()["id"]
    assert created.headers["location"] == f"/keys/{key_id}"
    assert created.json()["scopes"] == sort_scopes(ROLES["trainer"])

    whoami = anonymous.get("/whoami", headers=bearer(key)).json()
    assert whoami == {
        "id": key_id,
        "name": "ci",
        "kind": "key",
        "tenant": "default",
        "scopes": sort_scopes(ROLES["trainer"]),
        "access_control": True,
    }
    listed = anonymous.get("/keys", headers=admin).json()["data"][0]
    assert (listed["id"], listed["status"]) == (key_id, "active")
    assert key.rpartition("_")[2] not in anonymous.get("/keys", headers=admin).text

    other = bearer(make_key("admin", tenant="acme"))
    assert anonymous.delete(f"/keys/{key_id}", headers=other).status_code == 404
    assert [row["tenant"] for row in anonymous.get("/keys", headers=other).json()["data"]] == [
        "acme"
    ]
    for _ in range(2):
        assert anonymous.delete(f"/keys/{key_id}", headers=admin).status_code == 204
    assert anonymous.get("/whoami", headers=bearer(key)).status_code == 401
    assert anonymous.get("/keys", headers=admin).json()["data"][0]["status"] == "revoked"
    assert anonymous.delete("/keys/key_unknown", headers=admin).status_code == 404


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"name": "ci"}, "either"),
        ({"name": "ci", "role": "viewer", "scopes": ["predict"]}, "either"),
        ({"name": "ci", "scopes": ["everything"]}, "datasets:read"),
        ({"name": "ci", "scopes": []}, "scopes"),
        ({"name": "ci", "role": "root"}, "viewer"),
        ({"name": "", "role": "viewer"}, "name"),
        ({"name": "a\nb", "role": "viewer"}, "name"),
        ({"name": "ci", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"}, "future"),
        ({"name": "ci", "role": "viewer", "expires_at": "2030-01-01T00:00:00"}, "timezone"),
    ],
)
def test_a_wrong_key_is_refused(
    anonymous: TestClient, make_key: MakeKey, body: dict[str, Any], word: str
) -> None:
    answer = anonymous.post("/keys", json=body, headers=bearer(make_key("admin")))
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION")
    assert word in answer.text


def test_an_administrator_of_another_tenant_cannot_give_what_it_lacks(
    anonymous: TestClient, make_key: MakeKey
) -> None:
    body = {"name": "scraper", "scopes": ["metrics"]}
    answer = anonymous.post("/keys", json=body, headers=bearer(make_key("admin", tenant="acme")))
    assert answer.status_code == 403


def test_the_last_use_is_stored_at_most_once_a_minute(
    anonymous: TestClient, make_key: MakeKey, database: Database
) -> None:
    key = make_key("jobs:read")

    def last_use() -> Any:
        with database.reading() as session:
            return session.query(ApiKey).one().last_used_at

    assert last_use() is None
    anonymous.get("/jobs", headers=bearer(key))
    portal = anonymous.portal
    assert portal is not None
    authenticator = anonymous.app.state.authenticators[0]  # type: ignore[attr-defined]  # Starlette's
    portal.call(authenticator.close)
    first = last_use()
    assert first is not None
    for _ in range(3):
        anonymous.get("/jobs", headers=bearer(key))
    portal.call(authenticator.close)
    assert last_use() == first


def test_the_tenant_reaches_routes_that_run_in_threads(
    settings: Settings, database: Database, make_key: MakeKey
) -> None:
    from app.access.principal import current_origin, current_principal  # noqa: PLC0415
    from app.db.tenancy import current_tenant  # noqa: PLC0415

    app = create_app(settings, predicts=False)

    @app.get("/probe")
    def probe() -> dict[str, str | None]:
        return {
            "thread": str(threading.current_thread() is threading.main_thread()),
            "tenant": current_tenant(),
            "principal": current_principal().tenant,
            "request_id": current_origin().request_id,
        }

    assert database.engine.url.database
    with TestClient(app) as client:
        headers = bearer(make_key("admin", tenant="acme")) | {"X-Request-ID": "req_1"}
        told = client.get("/probe", headers=headers).json()
        assert told["tenant"] == told["principal"] == "acme"
        assert told["request_id"] == "req_1"
    assert current_tenant() == "*"


def test_a_stream_ends_when_its_key_is_revoked(
    anonymous: TestClient, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "FRESH_SECONDS", 0)
    monkeypatch.setattr("app.access.middleware.CHECK_SECONDS", 0.05)
    admin, key = bearer(make_key("admin")), make_key("datasets:read", "jobs:read", "models:read")
    key_id = f"key_{key.split('_')[1]}"
    portal = anonymous.portal
    assert portal is not None
    messages: list[Message] = []
    has_begun = threading.Event()

    async def receive() -> Message:
        await asyncio.sleep(3600)
        raise AssertionError("the stream did not end")

    async def send(message: Message) -> None:
        messages.append(message)
        if message.get("body"):
            has_begun.set()

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/events/stream",
        "headers": [(b"host", b"localhost"), (b"authorization", f"Bearer {key}".encode())],
        "query_string": b"",
        "client": ("127.0.0.1", 1),
    }
    following = portal.start_task_soon(anonymous.app, scope, receive, send)
    assert has_begun.wait(30)
    assert not following.done()
    anonymous.delete(f"/keys/{key_id}", headers=admin)
    following.result(timeout=30)
    assert messages[0]["status"] == 200
    assert messages[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


def test_while_the_database_is_down_known_keys_are_accepted_for_a_short_time(
    anonymous: TestClient,
    make_key: MakeKey,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known, new = bearer(make_key("jobs:read")), bearer(make_key("jobs:read"))
    assert anonymous.get("/whoami", headers=known).status_code == 200
    monkeypatch.setattr(authentication, "FRESH_SECONDS", 0)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE api_key RENAME TO hidden")
    assert anonymous.get("/whoami", headers=known).status_code == 200
    assert anonymous.get("/whoami", headers=new).json()["code"] == "UNAVAILABLE"
    monkeypatch.setattr(authentication, "STALE_SECONDS", 0)
    assert anonymous.get("/whoami", headers=known).status_code == 503
