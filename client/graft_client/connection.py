"""Send requests to the service, poll for results and save files."""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from graft_client.errors import ApiError, read_json, require_success
from graft_client.waiting import WAIT_SECONDS, Deadline

CONNECT_SECONDS = 5.0
"""Limit for opening a connection."""

_CHUNK_BYTES = 1024 * 1024


class Connection:
    """Base class of all calls; close it, or use it as a context manager."""

    def __init__(self, base_url: str, *, timeout_seconds: float = 60.0) -> None:
        """`timeout_seconds` limits every read and write; connections open within 5 s or fail."""
        timeout = httpx.Timeout(timeout_seconds, connect=min(timeout_seconds, CONNECT_SECONDS))
        self._http = httpx.Client(base_url=base_url, timeout=timeout)

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

    def _send(self, method: str, path: str, **request: Any) -> Any:
        response = self._http.request(method, path, **request)
        require_success(response)
        return read_json(response)

    def _get_page(self, path: str, **request: Any) -> list[Any]:
        """Return the `data` of a page."""
        response = self._http.get(path, **request)
        require_success(response)
        page = read_json(response)
        rows = page.get("data") if isinstance(page, dict) else None
        if not isinstance(rows, list):
            raise ApiError(
                "UNEXPECTED_ANSWER",
                f"{response.url} answered with JSON that has no list `data`. Check that this is "
                "the address of the service.",
                response.status_code,
            )
        return rows

    def _save(
        self, path: str, file: Path, *, timeout_seconds: float | None = WAIT_SECONDS, **request: Any
    ) -> None:
        """Save a response to a file, chunk by chunk; polls while the service answers 202."""
        deadline = Deadline(path, timeout_seconds)
        while True:
            with self._http.stream("GET", path, **request) as response:
                if response.status_code == httpx.codes.ACCEPTED or not response.is_success:
                    response.read()
                require_success(response)
                if response.status_code != httpx.codes.ACCEPTED:
                    _write(file, response.iter_bytes(_CHUNK_BYTES))
                    return
            deadline.sleep(_retry_after(response))
            path, request = _location(response), {}

    def _wait(
        self,
        method: str,
        path: str,
        *,
        timeout_seconds: float | None = WAIT_SECONDS,
        **request: Any,
    ) -> Any:
        """Return a result that a worker computes; polls `Location` while the answer is 202."""
        return self._poll(Deadline(path, timeout_seconds), method, path, **request)

    def _repeat(
        self,
        method: str,
        path: str,
        *,
        timeout_seconds: float | None = WAIT_SECONDS,
        **request: Any,
    ) -> Any:
        """Return the result of a request; after 202, polls `Location` and repeats the request."""
        deadline = Deadline(path, timeout_seconds)
        while True:
            response = self._http.request(method, path, **request)
            require_success(response)
            if response.status_code != httpx.codes.ACCEPTED:
                return read_json(response)
            deadline.check()
            self._poll(deadline, "GET", _location(response))

    def _poll(self, deadline: Deadline, method: str, path: str, **request: Any) -> Any:
        response = self._http.request(method, path, **request)
        require_success(response)
        while response.status_code == httpx.codes.ACCEPTED:
            deadline.sleep(_retry_after(response))
            response = self._http.get(_location(response))
            require_success(response)
        return read_json(response)


def _retry_after(response: httpx.Response) -> float:
    try:
        return max(0.0, float(response.headers.get("Retry-After", "1")))
    except ValueError:  # HTTP also allows a date
        return 1.0


def _location(response: httpx.Response) -> str:
    location: str | None = response.headers.get("Location")
    if location is None:
        raise ApiError(
            "UNEXPECTED_ANSWER",
            f"{response.url} answered 202 without the header Location. Check that this is the "
            "address of the service.",
            response.status_code,
        )
    return location


def _write(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file atomically."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            file.writelines(chunks)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
