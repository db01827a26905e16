"""A connection to the service, and the three ways to ask over it."""

import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from client.errors import require_success

POLL_SECONDS = 0.2

_CHUNK_BYTES = 1024 * 1024


class Connection:
    """What all calls share; close it, or use it as a context manager."""

    def __init__(self, base_url: str, *, timeout_seconds: float = 60.0) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=timeout_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def _save(self, url: str, path: Path, **request: Any) -> None:
        """Save an answer, piece by piece, once it is there."""
        with self._http.stream("GET", url, **request) as response:
            if response.status_code == httpx.codes.ACCEPTED or not response.is_success:
                response.read()
            require_success(response)
            if response.status_code != httpx.codes.ACCEPTED:
                _write(path, response.iter_bytes(_CHUNK_BYTES))
                return
        time.sleep(float(response.headers["Retry-After"]))
        self._save(response.headers["Location"], path)

    def _wait(self, method: str, path: str, **request: Any) -> Any:
        """The answer to a question, which 202 says where and when to look for."""
        response = self._http.request(method, path, **request)
        require_success(response)
        while response.status_code == httpx.codes.ACCEPTED:
            time.sleep(float(response.headers["Retry-After"]))
            response = self._http.get(response.headers["Location"])
            require_success(response)
        return response.json()

    def _insist(self, method: str, path: str, **request: Any) -> Any:
        """The answer to a request, made again once what it needs is there."""
        while True:
            response = self._http.request(method, path, **request)
            require_success(response)
            if response.status_code != httpx.codes.ACCEPTED:
                return response.json()
            self._wait("GET", response.headers["Location"])

    def _send(self, method: str, path: str, **request: Any) -> Any:
        response = self._http.request(method, path, **request)
        require_success(response)
        return response.json()


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            file.writelines(pieces)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
