"""API keys in the Python client and at the command line."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from graft_client import AsyncGraft, Forbidden, Graft, Unauthenticated
from graft_client.console.exit_codes import ExitCode
from graft_client.errors import InvalidInput
from graft_client.mcp.folders import AllowedFolders
from tests.unit.client.answers import as_json, page, problem
from tests.unit.client.conftest import Answer, Service
from tests.unit.client.running import error_line, run, sent, succeed

NOW = "2026-01-01T00:00:00.000Z"
SECRET = "gk_id_secret"  # noqa: S105 - accepted by no service
KEY: dict[str, Any] = {
    "id": "key_1",
    "name": "ci",
    "tenant": "default",
    "scopes": ["predict"],
    "status": "active",
    "created_by": "key_0",
    "created_at": NOW,
    "expires_at": None,
    "last_used_at": NOW,
    "revoked_at": None,
}
WHOAMI = {
    "id": "key_1",
    "name": "ci",
    "kind": "key",
    "tenant": "default",
    "scopes": ["predict"],
    "access_control": True,
}
MEMBER = {
    "id": "mem_1",
    "tenant": "default",
    "name": "Ada",
    "email": "ada@example.org",
    "role": "viewer",
    "has_provider_role": False,
    "is_disabled": False,
    "created_at": NOW,
    "last_seen_at": NOW,
}
ENTRY = {
    "id": "au_1",
    "created_at": NOW,
    "tenant": "default",
    "action": "model.alias_moved",
    "subject": "pets@champion",
    "principal_id": "key_1",
    "principal_name": "ci",
    "principal_kind": "key",
    "details": {"version": 2},
    "request_id": "req_1",
    "address": "127.0.0.1",
}


def sent_keys(service: Service) -> list[str | None]:
    return [
        {name.lower(): value for name, value in one.headers.items()}.get("authorization")
        for one in service.received
    ]


def test_the_key_is_sent_as_an_argument_or_a_variable_says(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.answer("GET", "/whoami", as_json(WHOAMI))
    monkeypatch.delenv("GRAFT_API_KEY", raising=False)
    with Graft(service.url) as graft:
        assert graft.whoami().name == "ci"
    monkeypatch.setenv("GRAFT_API_KEY", f"{SECRET}\n")
    with Graft(service.url) as graft:
        graft.whoami()
        assert SECRET not in repr(graft)
    with Graft(service.url, api_key="gk_other") as graft:
        graft.whoami()

    async def ask() -> None:
        async with AsyncGraft(service.url) as graft:
            await graft.whoami()

    asyncio.run(ask())
    assert sent_keys(service) == [None, f"Bearer {SECRET}", "Bearer gk_other", f"Bearer {SECRET}"]


@pytest.mark.parametrize("key", ["gk_a gk_b", "gk_ä", "gk_a\r\nX: 1"])
def test_a_key_that_no_header_can_have_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        Graft("http://127.0.0.1:1", api_key=key)
    assert "GRAFT_API_KEY" in str(raised.value)
    assert key not in str(raised.value)


def test_rejections_are_errors_of_their_own(graft: Graft, service: Service) -> None:
    service.answer("GET", "/whoami", problem(401, "UNAUTHENTICATED"))
    with pytest.raises(Unauthenticated):
        graft.whoami()
    service.answer("GET", "/whoami", problem(403, "FORBIDDEN"))
    with pytest.raises(Forbidden):
        graft.whoami()
    assert len(service.received) == 2, "they are not repeated"


def test_keys_are_created_listed_and_revoked(graft: Graft, service: Service) -> None:
    service.answer("POST", "/keys", as_json(KEY | {"key": SECRET}))
    service.answer("GET", "/keys", page(KEY))
    service.answer("DELETE", "/keys/key_1", Answer(b"", 204))
    moment = datetime(2027, 1, 1, tzinfo=UTC)
    created = graft.keys.create("ci", scopes=["predict"], expires_at=moment)
    assert created.key == SECRET
    assert SECRET not in repr(created)
    assert sent(service) == {
        "name": "ci",
        "scopes": ["predict"],
        "expires_at": "2027-01-01T00:00:00+00:00",
    }
    (listed,) = graft.keys.list()
    graft.keys.revoke(listed)
    assert service.received[-1].method == "DELETE"


def test_members_are_listed_and_changed(graft: Graft, service: Service) -> None:
    service.answer("GET", "/members", page(MEMBER))
    service.answer("PATCH", "/members/mem_1", as_json(MEMBER | {"is_disabled": True}))
    (member,) = graft.members.list()
    assert graft.members.change(member, is_disabled=True).is_disabled
    assert sent(service) == {"is_disabled": True}
    assert "disabled" in succeed(service, "members", "disable", "mem_1")
    assert "ada@example.org" in succeed(service, "members", "list")
    succeed(service, "members", "enable", "mem_1")
    assert sent(service) == {"is_disabled": False}
    succeed(service, "members", "set-role", "mem_1", "trainer")
    assert sent(service) == {"role": "trainer"}


def test_the_ways_to_sign_in_are_told(graft: Graft, service: Service) -> None:
    ways = {"access_control": True, "api_key": True, "provider": "login.example.org"}
    service.answer("GET", "/auth", as_json(ways))
    assert graft.ways_to_sign_in().provider == "login.example.org"


def test_the_audit_log_is_listed_and_saved(graft: Graft, service: Service, tmp_path: Path) -> None:
    service.answer("GET", "/audit", page(ENTRY))
    (entry,) = graft.audit_log(action="model.alias_moved", since=datetime(2026, 1, 1, tzinfo=UTC))
    assert entry.details == {"version": 2}
    query = service.received[-1].query
    assert "action=model.alias_moved" in query
    assert "since=2026-01-01T00%3A00%3A00%2B00%3A00" in query
    graft.export_audit_log(tmp_path / "audit.jsonl")
    assert service.received[-1].query == "format=jsonl"


def test_commands(service: Service, tmp_path: Path) -> None:
    service.answer("POST", "/keys", as_json(KEY | {"key": SECRET}))
    service.answer("GET", "/keys", page(KEY))
    service.answer("DELETE", "/keys/key_1", Answer(b"", 204))
    service.answer("GET", "/whoami", as_json(WHOAMI))
    service.answer("GET", "/audit", page(ENTRY))
    assert SECRET in succeed(service, "keys", "create", "ci", "--role", "viewer")
    assert sent(service) == {"name": "ci", "role": "viewer"}
    assert "key_1" in succeed(service, "keys", "list")
    assert "30 s" in succeed(service, "keys", "revoke", "key_1")
    assert "predict" in succeed(service, "whoami")
    assert "pets@champion" in succeed(service, "audit", "--since", "2026-01-01")
    succeed(service, "audit", "--output", str(tmp_path / "audit.csv"))
    assert service.received[-1].query == "format=csv"
    for wrong in (
        ("keys", "create", "ci"),
        ("keys", "create", "ci", "--role", "viewer", "--scope", "predict"),
        ("audit", "--output", "audit.txt"),
    ):
        assert "--" in error_line(run(service, *wrong), ExitCode.USAGE)


def test_assistants_use_the_key(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    from graft_client.mcp.server import make_server  # noqa: PLC0415 - slow to import

    monkeypatch.setenv("GRAFT_API_KEY", "gk_a gk_b")
    with pytest.raises(InvalidInput):  # so it was read
        make_server(service.url, AllowedFolders([]))
