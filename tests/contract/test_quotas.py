"""Quotas of a tenant: bytes, jobs and requests."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from app.analyses import service as analyses
from app.db.session import Database
from app.db.tables import WorkItem
from app.db.tenancy import acting_for
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from app.tenants import service
from tests.contract.conftest import BuildApp
from tests.contract.datasets import PHOTOGRAPHS, problem, upload
from tests.datasets import add_dataset
from tests.models import register_file
from tests.tenants import Tenants, running_for_tenants


@pytest.fixture
def tenants(
    settings: Settings, build_app: BuildApp, database: Database, storage: LocalStorage
) -> Iterator[Tenants]:
    settings = settings.model_copy(update={"access_control": True})
    with database.transaction() as session:
        service.create_tenant(session, "alpha")
    with running_for_tenants(build_app(settings), database, storage, settings) as running:
        yield running


def limit(tenants: Tenants, **changes: int | None) -> None:
    with tenants.database.transaction() as session:
        service.set_limits(session, "alpha", changes)


def post_job(client: TestClient, dataset_id: str) -> Any:
    return client.post("/jobs", json={"dataset_id": dataset_id, "weights": "none"})


def test_a_tenant_sees_its_use_and_its_limits(tenants: Tenants) -> None:
    client = tenants.connect("alpha")
    none = {"max_bytes": None, "max_unfinished_jobs": None, "max_running_jobs": None}
    empty = {"num_bytes": 0, "num_unfinished_jobs": 0, "num_running_jobs": 0}
    assert client.get("/tenants/me").json() == {
        "name": "alpha",
        "use": empty,
        "limits": none | {"requests_per_second": None},
    }
    limit(tenants, max_bytes=10_000_000, requests_per_second=1000)
    with acting_for("alpha"):
        register_file(tenants.database)  # of 1,000 bytes
        dataset_id = add_dataset(tenants.database, num_bytes=500)
    assert post_job(client, dataset_id).status_code == 202
    seen = client.get("/tenants/me").json()
    assert seen["use"] == {"num_bytes": 1500, "num_unfinished_jobs": 1, "num_running_jobs": 0}
    assert seen["limits"] == none | {"max_bytes": 10_000_000, "requests_per_second": 1000}
    assert tenants.connect("beta").get("/tenants/me").json()["use"] == empty


def test_an_upload_above_the_quota_is_refused(tenants: Tenants) -> None:
    client = tenants.connect("alpha")
    limit(tenants, max_bytes=2 * len(PHOTOGRAPHS))
    assert upload(client).status_code == 202
    refused = upload(client, metadata='{"a": "' + "b" * 1000 + '"}')
    assert problem(refused) == (403, "QUOTA_EXCEEDED"), "the form is larger than its file"
    assert str(len(PHOTOGRAPHS)) in refused.json()["detail"]
    assert len(list(tenants.storage.list_keys("tenants/alpha/uploads"))) == 1
    assert upload(tenants.connect("beta")).status_code == 202
    limit(tenants, max_bytes=None)
    assert upload(client).status_code == 202


def test_batches_exports_and_quantizations_above_the_quota_are_refused(tenants: Tenants) -> None:
    client = tenants.connect("alpha")
    with acting_for("alpha"):
        register_file(tenants.database, class_names=("amber", "blue"))  # of 1,000 bytes
        dataset_id = add_dataset(tenants.database, num_bytes=0)
    export = "/models/ants/versions/1/export"
    quantize = "/models/ants/versions/1/quantize"
    images = {"dataset_id": dataset_id}
    limit(tenants, max_bytes=999)
    refused = client.post("/predictions", json={"dataset_id": dataset_id})
    assert problem(refused) == (403, "QUOTA_EXCEEDED")
    limit(tenants, max_bytes=1999)
    assert client.post("/predictions", json={"dataset_id": dataset_id}).status_code == 202
    archive = {"file": ("images.zip", b"0" * 2000)}
    assert problem(client.post("/predictions", files=archive)) == (403, "QUOTA_EXCEEDED")
    assert problem(client.get(export, params={"format": "onnx"})) == (403, "QUOTA_EXCEEDED")
    limit(tenants, max_bytes=1249)  # int8 needs a fourth
    assert problem(client.post(quantize, json=images)) == (403, "QUOTA_EXCEEDED")
    limit(tenants, max_bytes=1250)
    assert client.post(quantize, json=images).status_code == 202
    limit(tenants, max_bytes=2000)
    assert client.get(export, params={"format": "onnx"}).status_code == 202
    limit(tenants, max_bytes=1)
    assert client.get(export, params={"format": "onnx"}).status_code == 202, "it is built already"
    assert client.post(quantize, json=images).status_code == 202, "it is queued already"


def test_a_stored_export_counts(either_database: Database) -> None:
    with either_database.transaction() as session:
        built = analyses.request_analysis(session, kind="export", subject_id="job_1", parameters={})
        other = analyses.request_analysis(
            session, kind="evaluate", subject_id="job_1", parameters={}
        )
        for one, num_bytes in ((built, 3_000_000_000), (other, 7)):
            analyses.complete(session, one.id, {"num_bytes": num_bytes}, file_key="exports/1.zip")
        analyses.request_analysis(session, kind="export", subject_id="job_2", parameters={})
        assert service.get_use(session, "default").num_bytes == 3_000_000_000
        assert service.get_use(session, "alpha").num_bytes == 0
        analyses.delete_requests(session, "job_1")
        assert service.get_use(session, "default").num_bytes == 0


def test_a_job_above_the_quota_is_refused(tenants: Tenants) -> None:
    client = tenants.connect("alpha")
    with acting_for("alpha"):
        dataset_id = add_dataset(tenants.database)
    limit(tenants, max_unfinished_jobs=2)
    first = post_job(client, dataset_id).json()["id"]
    study = {"dataset_id": dataset_id, "base": {"weights": "none"}}
    pair = {"configurations": [{"name": "a"}, {"name": "b", "epochs": 2}]}
    assert problem(client.post("/studies", json=study | pair)) == (403, "QUOTA_EXCEEDED")
    assert client.get("/studies").json()["data"] == [], "a study is queued as a whole or not at all"
    assert post_job(client, dataset_id).status_code == 202
    assert problem(post_job(client, dataset_id)) == (403, "QUOTA_EXCEEDED")
    assert client.post(f"/jobs/{first}/cancel").status_code == 202
    assert post_job(client, dataset_id).status_code == 202
    assert problem(client.post(f"/jobs/{first}/resume")) == (403, "QUOTA_EXCEEDED")
    limit(tenants, max_unfinished_jobs=0, max_bytes=1)
    with acting_for("alpha"):
        register_file(tenants.database)
    assert problem(post_job(client, dataset_id)) == (403, "QUOTA_EXCEEDED"), "no room for its model"


def test_jobs_above_the_running_limit_wait(either_database: Database, settings: Settings) -> None:
    with either_database.transaction() as session:
        service.create_tenant(session, "alpha")
        service.set_limits(session, "alpha", {"max_running_jobs": 1})
        for tenant in ("alpha", "alpha", "beta"):
            with acting_for(tenant):
                work.enqueue(session, queue="train", kind="train", subject_id="job_1")
    claimed = []
    for _ in range(3):
        with either_database.transaction() as session:
            claimed.append(work.claim(session, "train", "me", settings=settings))
    assert [lease and lease.tenant for lease in claimed] == ["alpha", "beta", None]
    with either_database.transaction() as session:
        assert claimed[0] is not None
        work.finish(session, claimed[0])
        again = work.claim(session, "train", "me", settings=settings)
        assert again is not None
        assert again.tenant == "alpha"
        session.execute(update(WorkItem).values(status="queued"))
        unlimited = [work.claim(session, "train", "me") for _ in range(2)]
        assert None not in unlimited, "without settings there are no limits"


def test_public_routes_share_no_rate(
    settings: Settings, build_app: BuildApp, database: Database
) -> None:
    assert database.engine.url.database
    limited = {"access_control": True, "tenant_requests_per_second": 2}
    with TestClient(build_app(settings.model_copy(update=limited))) as nobody:
        assert {nobody.get("/auth").status_code for _ in range(20)} == {200}


def test_requests_above_the_rate_are_refused(tenants: Tenants) -> None:
    limit(tenants, requests_per_second=5)
    client = tenants.connect("alpha")
    responses = [client.get("/models") for _ in range(50)]
    refused = [one for one in responses if one.status_code != 200]
    assert problem(refused[0]) == (429, "RATE_LIMITED")
    assert refused[0].headers["retry-after"] == "1"
    assert "5 requests a second" in refused[0].json()["detail"]
    assert responses[0].status_code == 200
    assert client.get("/livez").status_code == 200
    assert tenants.connect("beta").get("/models").status_code == 200
