"""A small HTTP server on loopback with answers that a test configures."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from graft_client import Graft, retrying


@dataclass(frozen=True)
class Received:
    """A received request."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """An answer to send; a broken one declares more bytes than it sends, a slow one takes time."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    is_broken: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    seconds: float = 0


@dataclass
class Service:
    """The server's address, its received requests, and its answers for each method and path.

    Several answers for one path are sent in turn; the last one is repeated.
    """

    url: str
    received: list[Received] = field(default_factory=list)
    answers: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)

    def answer(self, method: str, path: str, *answers: Answer) -> None:
        self.answers[method, path] = list(answers)


@pytest.fixture
def service() -> Iterator[Service]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    service = Service(f"http://127.0.0.1:{server.server_port}")
    server.RequestHandlerClass = _handler_for(service)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield service
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "FIRST_PAUSE_SECONDS", 0.01)


@pytest.fixture
def graft(service: Service) -> Iterator[Graft]:
    with Graft(service.url, timeout_seconds=10) as graft:
        yield graft


def _handler_for(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            url = urlsplit(self.path)
            body = self._read_body()
            service.received.append(
                Received(self.command, url.path, url.query, dict(self.headers.items()), body)
            )
            answers = service.answers[self.command, url.path]
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            time.sleep(answer.seconds)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            if answer.status != HTTPStatus.NO_CONTENT:
                self.send_header("Content-Length", str(len(answer.body) + answer.is_broken))
            for header in answer.headers:
                self.send_header(*header)
            self.end_headers()
            self.wfile.write(answer.body)
            self.close_connection = answer.is_broken

        def _read_body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b""
            while num_bytes := int(self.rfile.readline(), 16):
                body += self.rfile.read(num_bytes)
                self.rfile.readline()
            self.rfile.readline()
            return body

        do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = _answer  # noqa: N815 - the names http.server calls
        do_OPTIONS = do_PATCH = _answer  # noqa: N815 - as above

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Write no log."""

    return Handler
