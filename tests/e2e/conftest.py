"""Graft as its users run it: real processes, spoken to over HTTP."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from safetensors.torch import save_file
from torchvision.models import resnet18, shufflenet_v2_x0_5

from tests.servers import RunningGraft, list_descendants, running_graft

TRAINING: dict[str, Any] = {
    "architecture": "squeezenet1_0",
    "weights": "none",
    "input_size": 32,
    "batch_size": 8,
    "num_threads": 1,
}
"""A job of fractions of a second an epoch."""

SHORT_LEASES: dict[str, str | float] = {
    "heartbeat_seconds": 0.2,
    "lease_seconds": 6,
    "silence_seconds": 4,
}


SQLITE = "sqlite and the embedded broker"
POSTGRESQL = "postgresql and redis"


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    id: int | None
    type: str
    content: dict[str, Any]


class Graft:
    """A running service, as seen over HTTP."""

    def __init__(self, running: RunningGraft) -> None:
        self.http = httpx.Client(base_url=running.url, timeout=60)
        self.running = running

    def list_pids(self, title: str) -> list[int]:
        """This service's processes with a title, such as `graft api`."""
        found = list_descendants(self.running.pid)
        return sorted(pid for pid, one in found.items() if one == title)

    def upload(self, archive: bytes, name: str) -> str:
        answer = self.http.post(
            "/datasets", files={"file": ("colors.zip", archive)}, data={"name": name}
        )
        assert answer.status_code == 202, answer.text
        assert answer.headers["location"] == f"/datasets/{answer.json()['id']}"
        return str(answer.json()["id"])

    def post_job(self, **fields: Any) -> str:
        answer = self.http.post("/jobs", json=TRAINING | fields)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def get(self, path: str, **parameters: Any) -> Any:
        answer = self.http.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait_for(self, path: str, field: str, *values: Any, seconds: float = 120) -> Any:
        """Look until a field has one of these values; answers the whole resource."""
        deadline = time.monotonic() + seconds
        while True:
            resource = self.get(path)
            if resource[field] in values:
                return resource
            assert time.monotonic() < deadline, f"{field} never became {values}: {resource}"
            time.sleep(0.1)

    def follow(self, job_id: str, last_event_id: int | None = None) -> Iterator[Event]:
        """The job's server-sent events until the stream ends."""
        headers = {"Last-Event-ID": str(last_event_id)} if last_event_id else {}
        with self.http.stream("GET", f"/jobs/{job_id}/events/stream", headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines: dict[str, str] = {}
            for line in answer.iter_lines():
                if line:
                    key, _, value = line.partition(": ")
                    lines[key] = value
                elif "data" in lines:
                    number = int(lines["id"]) if "id" in lines else None
                    yield Event(number, lines["event"], json.loads(lines["data"]))
                    lines = {}
                else:
                    lines = {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on SQLite, or on the backends that its `backends` marker names.

    The backend that it leaves out is marked for `make test-all`. A test that is parametrized by
    `graft` itself runs on those backends only.
    """
    is_parametrized = any(
        "graft" in marker.args[0] for marker in metafunc.definition.iter_markers("parametrize")
    )
    if is_parametrized or "graft" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("backends")
    chosen = marker.args if marker else (SQLITE,)
    parameters = [
        pytest.param(backend, marks=() if backend in chosen else pytest.mark.other_backend)
        for backend in (SQLITE, POSTGRESQL)
    ]
    metafunc.parametrize("graft", parameters, indirect=True, scope="session")


@pytest.fixture(scope="session")
def graft(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Graft]:
    """The service on one of its two backends; only settings tell them apart.

    It takes seconds to start, so all tests share one, and each test uses names of its own. The
    files of pretrained weights hold random ones, which train just as well here.
    """
    weights_dir = tmp_path_factory.mktemp("weights")
    for build in (resnet18, shufflenet_v2_x0_5):
        save_file(build().state_dict(), weights_dir / f"{build.__name__}.safetensors")
    settings: dict[str, str | float] = SHORT_LEASES | {
        "weights_dir": str(weights_dir),
        "idle_poll_seconds": 600,  # so that every ring is needed
    }
    if request.param == POSTGRESQL:
        settings["database_url"] = request.getfixturevalue("postgres_server")
        settings["broker_url"] = request.getfixturevalue("redis_url")
    with running_graft(tmp_path_factory.mktemp("graft"), **settings) as running:
        graft = Graft(running)
        yield graft
        graft.http.close()
