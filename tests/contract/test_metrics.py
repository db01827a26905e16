"""Prometheus metrics; clients cannot create series."""

from uuid import uuid4

from fastapi.testclient import TestClient

from app.db.session import Database
from app.jobs import lifecycle
from app.main import create_app
from app.settings import Settings
from app.storage import LocalStorage
from tests.contract.datasets import check_upload, upload
from tests.images import draw_picture, encode
from tests.models import register_model
from tests.scrapes import Scrape
from tests.servers import find_free_port

REQUESTS = "graft_http_requests_total"


def test_requests_are_counted_and_timed_by_route(client: TestClient) -> None:
    labels = {"method": "GET", "route": "/jobs/{job_id}"}
    before = Scrape(client)
    client.get("/jobs/job_unknown")
    client.get("/jobs/job_other")
    after = Scrape(client)
    count = after.value(REQUESTS, **labels, status="404") - before.value(
        REQUESTS, **labels, status="404"
    )
    timed = "graft_http_request_seconds_count"
    assert (count, after.value(timed, **labels) - before.value(timed, **labels)) == (2, 2)


def test_unknown_paths_and_methods_create_no_series(client: TestClient) -> None:
    client.get(f"/{uuid4().hex}")
    client.request("BREW", "/jobs")
    before = Scrape(client)
    for _ in range(3):
        client.get(f"/{uuid4().hex}/{uuid4().hex}")
        client.post(f"/jobs/{uuid4().hex}")
        client.request("BREW", f"/jobs/{uuid4().hex}")
        client.request(uuid4().hex.upper(), "/jobs")
    after = Scrape(client)
    known = {getattr(route, "path", "") for route in client.app.routes} | {"none"}  # type: ignore[attr-defined]  # a FastAPI
    assert after.list_values("route") - before.list_values("route") <= known
    assert "none" in after.list_values("route")
    standard = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    assert after.list_values("method") <= standard | {"other"}


def test_scrapes_themselves_are_not_counted(client: TestClient) -> None:
    Scrape(client)
    assert "/metrics" not in Scrape(client).list_values("route")


def test_a_prediction_is_timed_in_each_stage(
    client: TestClient, database: Database, storage: LocalStorage
) -> None:
    version = register_model(database, storage, "insects")
    before = Scrape(client)
    picture = encode(draw_picture())
    for content, status in ((picture, 200), (picture, 200), (b"no picture", 415)):
        answer = client.post(
            "/predict", params={"model": f"insects:{version}"}, files={"image": ("a", content)}
        )
        assert answer.status_code == status, answer.text
    after = Scrape(client)

    def rise(name: str, **labels: str) -> float:
        return after.value(name, **labels) - before.value(name, **labels)

    model = f"insects:{version}"
    assert rise("graft_predict_images_total", model=model, outcome="classified") == 2
    assert rise("graft_predict_images_total", model=model, outcome="refused") == 1
    for stage, times in (("queue", 3), ("decode", 3), ("forward", 2)):
        assert rise("graft_predict_stage_seconds_count", stage=stage) == times, stage
    assert rise("graft_predict_batch_images_count") == 2
    assert rise("graft_predict_batch_images_sum") == 2
    assert rise("graft_model_cache_loads_total", outcome="loaded") == 1
    assert after.value("graft_model_cache_bytes") > 0
    assert after.value("graft_predict_queue_images") == 0


def test_metrics_from_sql_are_reported(
    client: TestClient, database: Database, storage: LocalStorage
) -> None:
    empty = Scrape(client)
    assert empty.has("graft_jobs", status="running")
    assert empty.value("graft_work_oldest_queued_seconds", queue="cpu") == 0
    dataset_id = upload(client).json()["id"]
    queued = Scrape(client)
    assert queued.value("graft_database_up") == 1
    assert queued.value("graft_datasets", status="ingesting") == 1
    assert queued.value("graft_work_items", queue="cpu", status="queued") == 1
    assert queued.value("graft_work_oldest_queued_seconds", queue="cpu") > 0
    check_upload(dataset_id, database, storage)
    register_model(database, storage)
    done = Scrape(client)
    assert done.value("graft_datasets", status="ready") == 1
    assert (done.value("graft_models"), done.value("graft_model_versions")) == (1, 1)


def test_a_running_job_has_metrics_of_speed_and_progress(
    client: TestClient, database: Database, ready: str
) -> None:
    job_id = client.post("/jobs", json={"dataset_id": ready, "weights": "none"}).json()["id"]
    assert not Scrape(client).has("graft_job_images_per_second", job_id=job_id)
    progress: dict[str, object] = {
        "epoch": 2,
        "epochs": 4,
        "step": 5,
        "steps": 10,
        "images_per_second": 41.5,
    }
    with database.transaction() as session:
        lifecycle.begin_attempt(session, job_id, 1)
        lifecycle.record_progress(session, job_id, progress)
    running = Scrape(client)
    assert running.value("graft_jobs", status="running") == 1
    assert running.value("graft_job_images_per_second", job_id=job_id) == 41.5
    assert running.value("graft_job_progress_ratio", job_id=job_id) == 0.375


def test_without_a_database_other_metrics_are_reported(settings: Settings) -> None:
    nobody = f"postgresql://graft:secret@127.0.0.1:{find_free_port()}/graft"
    app = create_app(settings.model_copy(update={"database_url": nobody}))
    with TestClient(app, raise_server_exceptions=False) as client:
        client.get("/livez")
        scrape = Scrape(client)
    assert scrape.has("graft_database_up")
    assert scrape.value("graft_database_up") == 0
    assert scrape.value(REQUESTS, method="GET", route="/livez", status="200") > 0
    assert not scrape.has("graft_jobs", status="running")
