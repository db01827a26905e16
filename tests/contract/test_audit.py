"""The audit log: what is recorded, who may read it, and how it is exported."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.access import audit
from app.access.principal import EVERYBODY, Origin, Principal, acting_as
from app.db.access_tables import AuditEvent
from app.db.base import now
from app.db.session import Database
from app.storage import LocalStorage
from tests.contract.datasets import check_upload, upload
from tests.models import register_model


def entries(client: TestClient, **filters: str) -> list[dict[str, Any]]:
    answer = client.get("/audit", params=filters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def test_promotions_deletions_and_serving_changes_are_recorded(
    client: TestClient, database: Database, storage: LocalStorage
) -> None:
    register_model(database, storage)
    register_model(database, storage, seed=1)
    name = "ants-and-bees"
    client.put(f"/models/{name}/aliases/champion", json={"version": 2})
    client.put("/serving", json={"model": f"{name}@champion"})
    client.post(f"/models/{name}/aliases/champion/rollback")
    client.put(f"/models/{name}/aliases/champion", json={"version": 1})
    client.post(f"/models/{name}/aliases/champion/rollback")
    client.delete(f"/models/{name}/versions/1")
    dataset_id = upload(client).json()["id"]
    check_upload(dataset_id, database, storage)
    client.delete(f"/datasets/{dataset_id}", headers={"X-Request-ID": "req_delete"})
    told = [(one["action"], one["subject"]) for one in entries(client, limit="100")]
    assert ("dataset.deleted", dataset_id) == told[0]
    assert ("model.version_deleted", f"{name}:1") in told
    assert ("model.alias_moved", f"{name}@champion") in told
    assert ("model.rolled_back", f"{name}@champion") in told
    assert ("model.chosen", name) in told
    newest = entries(client, action="dataset.deleted")[0]
    assert newest["request_id"] == "req_delete"
    assert (newest["principal_kind"], newest["tenant"]) == ("built_in", "default")
    assert newest["address"] == "testclient"
    assert newest["details"] == {"name": "ants-bees"}


def test_a_change_that_fails_is_not_recorded(client: TestClient) -> None:
    assert client.delete("/datasets/ds_unknown").status_code == 404
    assert entries(client) == []


@pytest.fixture
def recorded(client: TestClient, database: Database) -> TestClient:
    """Three entries of the tenant `default` by two principals, and one of another tenant."""
    for number, (tenant, who, subject) in enumerate(
        [
            ("default", "key_1", "ds_1"),
            ("default", "key_2", "ds_2"),
            ("default", "key_1", "=cmd()"),
            ("acme", "key_3", "ds_3"),
        ]
    ):
        principal = Principal(tenant, who, "-ci", "key", frozenset())
        origin = Origin(f"req_{number}", "10.0.0.1")
        with acting_as(principal, origin), database.transaction() as session:
            audit.record(session, "dataset.deleted", subject, details={"name": "ä, b"})
    return client


def test_the_log_has_filters_pages_and_one_tenant(recorded: TestClient) -> None:
    assert [one["subject"] for one in entries(recorded)] == ["=cmd()", "ds_2", "ds_1"]
    assert [one["subject"] for one in entries(recorded, principal_id="key_1")] == ["=cmd()", "ds_1"]
    assert [one["subject"] for one in entries(recorded, subject="ds_2")] == ["ds_2"]
    assert entries(recorded, action="key.created") == []
    soon = (now() + timedelta(hours=1)).isoformat()
    assert entries(recorded, since=soon) == []
    assert len(entries(recorded, until=soon)) == 3
    first = recorded.get("/audit", params={"limit": 2}).json()
    rest = recorded.get("/audit", params={"limit": 2, "after": first["last_id"]}).json()
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert [one["subject"] for one in rest["data"]] == ["ds_1"]


@pytest.mark.parametrize(
    "query", ["since=yesterday", "since=2026-01-01T00:00:00", "action=%00", "format=xml", "limit=0"]
)
def test_a_wrong_filter_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/audit?{query}").status_code == 422


def test_an_export_has_every_entry(recorded: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.access.audit_log._EXPORT_PAGE", 2)
    answer = recorded.get("/audit?format=csv&limit=1")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "audit.csv" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["subject"] for row in rows] == ["'=cmd()", "ds_2", "ds_1"]
    assert rows[0]["principal_name"] == "'-ci"
    assert json.loads(rows[0]["details"]) == {"name": "ä, b"}
    lines = recorded.get("/audit?format=jsonl").text.splitlines()
    assert [json.loads(line) for line in lines] == entries(recorded)


def test_entries_are_recorded_on_both_databases(either_database: Database) -> None:
    with acting_as(EVERYBODY, Origin()), either_database.transaction() as session:
        audit.record(session, "job.deleted", "j" * 300, details={"model_name": "ants"})
    with either_database.reading() as session:
        (row,) = session.query(AuditEvent).all()
        assert (row.subject, row.details) == ("j" * 200, {"model_name": "ants"})
