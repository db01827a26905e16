"""The spans of a request that a collector receives."""

from fastapi.testclient import TestClient

from app.db.session import Database
from app.main import create_app
from app.settings import Settings
from app.storage import LocalStorage
from tests.images import draw_picture, encode
from tests.models import register_model
from tests.spans import attributes_of, running_collector

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_prediction_has_a_span_for_each_stage(
    settings: Settings, database: Database, storage: LocalStorage
) -> None:
    register_model(database, storage)
    with running_collector() as (collector, endpoint):
        app = create_app(settings.model_copy(update={"otlp_endpoint": endpoint}))
        with TestClient(app) as client:
            answer = client.post(
                "/predict",
                files=[("image", encode(draw_picture()))] * 2,
                headers={"traceparent": CALLER},
            )
        assert answer.status_code == 200, answer.text
        request = collector.get("graft-api", "POST /predict")
        stages = [span for _, span in collector.spans if span.name.startswith("predict ")]
    assert {span.parent_span_id for span in stages} == {request.span_id}
    assert {span.trace_id.hex() for span in [request, *stages]} == {CALLER.split("-")[1]}
    names = [span.name for span in stages]
    assert (names.count("predict queue"), names.count("predict decode")) == (2, 2)
    assert "predict forward" in names
    begin, end = request.start_time_unix_nano, request.end_time_unix_nano
    assert all(begin <= one.start_time_unix_nano <= one.end_time_unix_nano for one in stages)
    assert all(one.end_time_unix_nano <= end for one in stages)


def test_a_failed_request_is_a_failed_span_without_a_traceback(
    settings: Settings, storage: LocalStorage
) -> None:
    assert storage.root.is_dir()
    with running_collector() as (collector, endpoint):
        app = create_app(settings.model_copy(update={"otlp_endpoint": endpoint}))

        @app.get("/broken/{what}")
        def fail(what: str) -> None:
            raise RuntimeError(what)

        with TestClient(app, raise_server_exceptions=False) as client:
            assert client.get("/broken/secret").status_code == 500
        span = collector.get("graft-api", "GET /broken/{what}")
    assert attributes_of(span)["http.response.status_code"] == 500
    assert span.status.code == span.status.STATUS_CODE_ERROR
    assert list(span.events) == []
