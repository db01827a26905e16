"""What one tenant has, no other tenant finds: route by route, on SQLite and PostgreSQL."""

import io
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from PIL import Image
from sqlalchemy import make_url, select

from app.db.session import Database
from app.db.tables import DatasetImage
from app.db.tenancy import acting_for
from app.settings import Settings
from app.storage import LocalStorage
from tests.contract.conftest import BuildApp
from tests.contract.datasets import PHOTOGRAPHS, check_upload, upload
from tests.models import register_model
from tests.servers import create_database
from tests.tenants import Belongings, Tenants, give_one_of_each, running_for_tenants

METHODS = ("get", "put", "post", "delete", "patch")
ROLE = "graft_app"

UNKNOWN = Belongings(
    dataset_id="ds_00000000000000000000000z",
    job_id="job_00000000000000000000000z",
    study_id="study_0000000000000000000000z",
    batch_id="batch_0000000000000000000000z",
    analysis_id="inq_00000000000000000000000z",
    key_id="key_00000000000000000000000z",
    member_id="mem_00000000000000000000000z",
    name="nobodys-model",
)

OF_THE_SERVICE = {"/metrics", "/livez", "/readyz", "/v2", "/v2/health/live", "/v2/health/ready"}
"""Routes without tenants."""


ANSWERED_BEFORE = {"/jobs/validate": 200, "/datasets/{dataset_id}/advice": 422}
"""Routes that answer an unknown id with something else: a list of problems, missing weights."""


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 90, 20)).save(buffer, "PNG")
    return buffer.getvalue()


def name_parameter(name: str, one: Belongings) -> str:
    """Return the value of a path parameter."""
    return str(getattr(one, name))


def make_body(path: str, method: str, one: Belongings) -> dict[str, Any]:
    """Return the keywords of a request that would succeed for the owner, but for its ids."""
    model = f"{one.name}:1"
    job = {"dataset_id": one.dataset_id, "weights": "none"}
    base = {"base": {"weights": "none"}, "configurations": [{"name": "a"}, {"name": "b"}]}
    image = {"content": picture(), "headers": {"content-type": "image/png"}}
    pixels = {"name": "image", "shape": [1, 4, 4, 3], "datatype": "UINT8", "data": [0] * 48}
    bodies: dict[str, dict[str, Any]] = {
        "post /jobs": {"json": job},
        "post /jobs/validate": {"json": job},
        "post /studies": {"json": {"dataset_id": one.dataset_id} | base},
        "post /predictions": {"json": {"dataset_id": one.dataset_id, "model": model}},
        "delete /uploads/{upload_id}": {"headers": {"Tus-Resumable": "1.0.0"}},
        "patch /uploads/{upload_id}": {
            "headers": {
                "Tus-Resumable": "1.0.0",
                "Upload-Offset": "0",
                "Content-Type": "application/offset+octet-stream",
            }
        },
        "put /serving": {"json": {"model": model}},
        "patch /members/{member_id}": {"json": {"role": "trainer"}},
        "post /predict": image | {"params": {"model": model}},
        "put /models/{name}/metadata": {"json": {"team": "ants"}},
        "put /models/{name}/aliases/{alias}": {"json": {"version": 1}},
        "put /models/{name}/gate": {"json": {"dataset_id": one.dataset_id, "split": "val"}},
        "post /models/{name}/versions/{version}/evaluate": {"json": {"dataset_id": one.dataset_id}},
        "post /models/{name}/versions/{version}/quantize": {"json": {"dataset_id": one.dataset_id}},
        "post /v2/models/{name}/infer": {"json": {"inputs": [pixels]}},
        "post /v2/models/{name}/versions/{version}/infer": {"json": {"inputs": [pixels]}},
        "get /models/{name}/versions/{version}/export": {"params": {"format": "safetensors"}},
        "get /datasets/{dataset_id}/pairs": {"params": {"kind": "duplicates"}},
        "get /datasets/{dataset_id}/images/{image_id}/heatmap.png": {"params": {"model": model}},
        "get /jobs/{job_id}/paired_test": {"params": {"with": one.job_id}},
        "get /jobs/{job_id}/paired_test/images": {
            "params": {"with": one.job_id, "outcome": "both_wrong"}
        },
        "get /models/{name}/versions/{version}/paired_test": {"params": {"with": model}},
    }
    return bodies.get(f"{method} {path}", {})


@pytest.fixture(params=["sqlite", "postgresql"])
def tenants(
    request: pytest.FixtureRequest, settings: Settings, build_app: BuildApp, storage: LocalStorage
) -> Iterator[Tenants]:
    """An application; on PostgreSQL it has an ordinary role, to which the policies apply."""
    settings = settings.model_copy(update={"access_control": True})
    if request.param == "sqlite":
        database: Database = request.getfixturevalue("database")
    else:
        url = _make_postgres(request)
        settings = settings.model_copy(update={"database_url": url})
        database = Database(url)
    with running_for_tenants(build_app(settings), database, storage, settings) as running:
        yield running
    database.close()


def _make_postgres(request: pytest.FixtureRequest) -> str:
    server = request.getfixturevalue("postgres_server")
    template = request.getfixturevalue("migrated_postgres")
    url = create_database(server, f"test_{uuid4().hex}", template=template)
    admin = Database(url)
    with admin.engine.begin() as connection:
        roles = connection.exec_driver_sql("SELECT rolname FROM pg_roles").scalars()
        if ROLE not in roles:
            connection.exec_driver_sql(f"CREATE ROLE {ROLE} LOGIN")
        connection.exec_driver_sql(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE}"
        )
    admin.close()
    return make_url(url).set(username=ROLE).render_as_string(hide_password=False)


def send(client: TestClient, method: str, path: str, one: Belongings) -> Response:
    """Send the request of a route with the ids of one set of belongings."""
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    url = path.format(**{name: name_parameter(name, one) for name in names})
    response: Response = client.request(method, url, **make_body(path, method, one))
    return response


def anonymize(response: Response, one: Belongings) -> tuple[int, Any]:
    """Return the status and the body without the ids of the request."""
    text = response.text
    for name in (
        "dataset_id",
        "job_id",
        "study_id",
        "batch_id",
        "analysis_id",
        "key_id",
        "member_id",
        "name",
        "upload_id",
    ):
        text = text.replace(getattr(one, name), f"<{name}>")
    try:
        body = json.loads(text)
    except ValueError:
        return response.status_code, text
    if isinstance(body, dict):
        body = {key: value for key, value in body.items() if key != "request_id"}
    return response.status_code, body


def list_routes(tenants: Tenants, *, with_ids: bool) -> list[tuple[str, str]]:
    """List the routes of the OpenAPI document: (method, path)."""
    routes = [
        (method, path)
        for path, operations in tenants.app.openapi()["paths"].items()
        for method in METHODS
        if method in operations
    ]
    has_body = {"post /jobs", "post /jobs/validate", "post /studies", "post /predictions"}
    has_body |= {"put /serving", "post /predict"}
    return [
        (method, path)
        for method, path in routes
        if ("{" in path or f"{method} {path}" in has_body) is with_ids
        and path not in OF_THE_SERVICE
    ]


def test_another_tenants_id_is_answered_like_an_unknown_one(tenants: Tenants) -> None:
    mine = give_one_of_each(tenants, "alpha")
    owner, other = tenants.connect("alpha"), tenants.connect("beta")
    readable = [route for route in list_routes(tenants, with_ids=True) if route[0] == "get"]
    before = {route: anonymize(send(owner, *route, mine), mine) for route in readable}
    wrong, not_found_by_owner = [], []
    for method, path in list_routes(tenants, with_ids=True):
        foreign = anonymize(send(other, method, path, mine), mine)
        unknown = anonymize(send(other, method, path, UNKNOWN), UNKNOWN)
        if foreign != unknown or (foreign[0] != 404 and path not in ANSWERED_BEFORE):
            wrong.append((method, path, foreign, unknown))
        if method == "get" and before[method, path][0] == 404:
            not_found_by_owner.append(path)
    assert wrong == []
    assert not_found_by_owner == [
        "/jobs/{job_id}/portfolio",
        "/models/{name}/versions/{version}/evaluations/{dataset_id}",
        "/models/{name}/versions/{version}/quantizations/{analysis_id}",
        "/models/{name}/gate",
    ], "the owner has one of everything else"
    after = {route: anonymize(send(owner, *route, mine), mine) for route in readable}
    assert after == before, "the other tenant has changed nothing"


def test_lists_and_counts_show_nothing_of_another_tenant(tenants: Tenants) -> None:
    mine = give_one_of_each(tenants, "alpha")
    owner, other = tenants.connect("alpha"), tenants.connect("beta")
    shown, filters = set(), {"dataset_id": mine.dataset_id, "study_id": mine.study_id}
    for method, path in list_routes(tenants, with_ids=False):
        if method != "get" or path == "/events/stream":
            continue
        for query in ({}, {"q": mine.name[:5]}, filters):
            text = other.get(path, params=query).text
            assert not [one for one in mine.secrets if one in text], path
            shown |= {one for one in mine.secrets if one in owner.get(path).text}
    assert shown == set(mine.secrets), "the owner's lists show everything"
    assert other.get("/overview").json()["datasets"] != owner.get("/overview").json()["datasets"]
    assert other.get("/jobs", params=filters).json()["data"] == []


def test_models_of_one_name_are_answered_each_by_its_own(tenants: Tenants) -> None:
    headers = {"content-type": "image/png"}
    answers: dict[str, Any] = {}
    for seed, tenant in enumerate(("alpha", "beta")):
        with acting_for(tenant):
            register_model(tenants.database, tenants.storage, "ants", seed=seed)
    for _ in range(2):  # the second time from the cache
        for tenant in ("alpha", "beta"):
            for query in ({}, {"model": "ants"}, {"model": "ants:1"}):
                response = tenants.connect(tenant).post(
                    "/predict", content=picture(), headers=headers, params=query
                )
                assert response.status_code == 200, response.text
                predictions = response.json()["predictions"]
                assert answers.setdefault(tenant, predictions) == predictions
    assert answers["alpha"] != answers["beta"]
    assert {key[0] for key in tenants.app.state.predictor.models.keys} == {"alpha", "beta"}
    third = tenants.connect("gamma").post("/predict", content=picture(), headers=headers)
    assert (third.status_code, third.json()["code"]) == (409, "MODEL_NOT_READY")


def test_an_idempotency_key_of_another_tenant_is_free(tenants: Tenants) -> None:
    first = upload(tenants.connect("alpha"), key="k").json()
    second = upload(tenants.connect("beta"), key="k")
    assert second.status_code == 202
    assert second.json()["id"] != first["id"]
    assert upload(tenants.connect("alpha"), key="k").json() == first


def test_equal_uploads_of_two_tenants_share_no_file(tenants: Tenants) -> None:
    """An image that is there already would be stored faster, so a tenant could find out."""
    keys: dict[str, set[str]] = {}
    for tenant in ("alpha", "beta"):
        with acting_for(tenant):
            for _ in range(2):
                dataset_id = upload(tenants.connect(tenant), PHOTOGRAPHS).json()["id"]
                check_upload(dataset_id, tenants.database, tenants.storage)
            with tenants.database.reading() as session:
                keys[tenant] = set(session.scalars(select(DatasetImage.storage_key)))
    assert len(keys["alpha"]) == len(keys["beta"]) == 16, "equal uploads of one tenant share files"
    assert not keys["alpha"] & keys["beta"]
