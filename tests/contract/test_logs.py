"""Log lines and their context fields."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.predictions.predictor import Predictor
from app.telemetry.logs import LogFormat, bound, make_handler


class Log:
    """The lines of a log handler."""

    def __init__(self, log_format: LogFormat) -> None:
        self.stream = io.StringIO()
        self.handler = make_handler(self.stream, log_format)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


@pytest.fixture
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    log = Log(getattr(request, "param", "json"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(log.handler)
    root.setLevel(logging.INFO)
    yield log
    root.setLevel(level)
    root.removeHandler(log.handler)


def test_a_request_is_one_line_with_the_request_id_of_its_response(
    client: TestClient, log: Log
) -> None:
    answer = client.get("/jobs/job_unknown")
    (line,) = [one for one in log.records if one["logger"] == "app.requests"]
    assert line["request_id"] == answer.headers["x-request-id"]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/jobs/{job_id}", 404)
    assert (line["level"], line["milliseconds"] > 0) == ("INFO", True)
    assert line["time"].endswith("+00:00")


def test_every_record_of_a_request_has_its_id_and_tracebacks_stay_in_the_log(
    client: TestClient, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(Predictor, "predict", fail)
    answer = client.post(
        "/predict", files={"image": ("a", b"x")}, headers={"X-Request-ID": "mine-1"}
    )
    assert (answer.status_code, "secret" in answer.text) == (500, False)
    (failure,) = [one for one in log.records if one["level"] == "ERROR"]
    assert failure["request_id"] == "mine-1"
    assert "a secret detail" in failure["exception"]
    own = [one for one in log.records if one["logger"].startswith("app.")]
    assert [one.get("request_id") for one in own] == ["mine-1"] * 2
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "mine-1"


def test_records_of_a_route_in_a_thread_have_the_request_id(
    client: TestClient, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "app.jobs.repository.JobRepository.list_page",
        lambda *_, **__: logging.getLogger("somebody").warning("looking"),
    )
    client.get("/jobs", headers={"X-Request-ID": "mine-2"})
    (line,) = [one for one in log.records if one["message"] == "looking"]
    assert line["request_id"] == "mine-2"


def test_fields_end_with_their_block(log: Log) -> None:
    logger = logging.getLogger("somebody")
    with bound(work_item="work_1", subject="job_1"):
        logger.info("within %s", 1)
    logger.info("after")
    within, after = log.records
    assert (within["work_item"], within["subject"]) == ("work_1", "job_1")
    assert within["message"] == "within 1"
    assert "work_item" not in after


@pytest.mark.parametrize("log", ["text"], indirect=True)
def test_text_lines_have_the_same_fields(log: Log) -> None:
    with bound(request_id="mine-3"):
        logging.getLogger("somebody").warning("careful")
    (line,) = log.lines
    assert line.endswith("WARNING somebody: careful request_id=mine-3")
