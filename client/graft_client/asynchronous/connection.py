"""Send requests to the service: retries, polling, downloads."""

import json as json_module
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from graft_client.answers import (
    location_of,
    make_headers,
    read_json,
    require_success,
    retry_after_of,
)
from graft_client.asynchronous.runtime import iterate, peek, sleep
from graft_client.errors import ConnectionFailed, InvalidAddress, cannot_connect
from graft_client.forms import UploadForm, new_boundary
from graft_client.pictures import Picture
from graft_client.retrying import (
    MAX_PAUSE_SECONDS,
    RETRIED_STATUSES,
    is_repeatable,
    pause_before,
)
from graft_client.saving import new_file
from graft_client.waiting import WAIT_SECONDS, Deadline

CONNECT_SECONDS = 5.0
"""Limit for opening a connection."""

_CHUNK_BYTES = 1024 * 1024


class AsyncConnection:
    """A connection to the service.

    Every read and write has a timeout. A request that failed on the way, or was answered with 429,
    502 or 503, is sent again if it may be: it reads, replaces or deletes, or it has an
    Idempotency-Key. A service that never answered is not asked again.
    """

    def __init__(
        self, url: str, *, timeout_seconds: float, max_retries: int, api_key: str | None = None
    ) -> None:
        """Raises InvalidAddress, and InvalidInput for a key that no header can have."""
        timeout = httpx.Timeout(timeout_seconds, connect=min(timeout_seconds, CONNECT_SECONDS))
        try:
            self.http = httpx.AsyncClient(
                base_url=url, timeout=timeout, headers=make_headers(api_key)
            )
        except httpx.InvalidURL as error:
            raise _invalid_address(url) from error
        if self.http.base_url.scheme not in {"http", "https"} or not self.http.base_url.host:
            raise _invalid_address(url)
        self.url = url.rstrip("/")
        self._max_retries = max_retries
        self._has_answered = False

    async def close(self) -> None:
        await self.http.aclose()

    def address_of(self, path: str) -> str:
        """Return the full address of a path."""
        return f"{self.url}{path}"

    async def get(self, path: str, *, params: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON of a resource."""
        return read_json(await self.request("GET", path, params=params))

    async def send(self, method: str, path: str, **request: Any) -> Any:
        """Send a request (see `request`) and return the JSON of its answer."""
        return read_json(await self.request(method, path, **request))

    async def delete(self, path: str) -> None:
        """Delete a resource."""
        await self.request("DELETE", path)

    async def get_picture(self, path: str, *, params: Mapping[str, Any] | None = None) -> Picture:
        """Return an image."""
        response = await self.request("GET", path, params=params)
        media_type = response.headers.get("content-type", "").partition(";")[0]
        return Picture(response.content, media_type)

    def peek(self, path: str) -> bytes | None:
        """Return the body of an answer that a notebook's display can do without, or None."""
        return peek(self.http, path)

    async def request(  # noqa: PLR0913 - the parts of a request, by keyword
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: object = None,
        files: Any = None,
        form: UploadForm | None = None,
        headers: Mapping[str, str] | None = None,
        is_creation: bool = False,
        may_repeat: bool | None = None,
    ) -> httpx.Response:
        """Return the successful answer to a request, which is sent several times if need be.

        is_creation gives it an Idempotency-Key. may_repeat says whether it has the same effect if
        it is sent twice; by default the method and the key decide. Raises ApiError and
        ConnectionFailed.
        """
        headers = dict(headers or {})
        if is_creation:
            headers["Idempotency-Key"] = uuid4().hex
        repeats = is_repeatable(method, headers) if may_repeat is None else may_repeat
        content = None
        if json is not None:
            content = json_module.dumps(json).encode()
            headers["Content-Type"] = "application/json"
        attempt = 0
        while True:
            pause = pause_before(attempt + 1)
            is_last = attempt >= self._max_retries or not repeats
            try:
                response = await self._send_once(
                    method,
                    path,
                    params=params,
                    content=content,
                    files=files,
                    form=form,
                    headers=headers,
                )
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                # Nothing was sent, so any method may repeat; but who never answered is not there.
                if attempt >= self._max_retries or not self._has_answered:
                    raise _describe(self.url, error) from error
            except httpx.TransportError as error:
                if is_last:
                    raise _describe(self.url, error) from error
            else:
                self._has_answered = True
                asked = retry_after_of(response)
                if (
                    is_last
                    or response.status_code not in RETRIED_STATUSES
                    or (asked or 0) > MAX_PAUSE_SECONDS
                ):
                    require_success(response)
                    return response
                pause = pause if asked is None else asked
            await sleep(pause)
            attempt += 1

    async def send_once(
        self, method: str, path: str, *, headers: Mapping[str, str], content: Any = None
    ) -> httpx.Response:
        """Send a request once; return its successful answer. Raises ApiError, ConnectionFailed."""
        try:
            response = await self.http.request(method, path, headers=headers, content=content)
        except httpx.TransportError as error:
            raise _describe(self.url, error) from error
        self._has_answered = True
        require_success(response)
        return response

    async def _send_once(
        self,
        method: str,
        path: str,
        *,
        form: UploadForm | None,
        headers: dict[str, str],
        **request: Any,
    ) -> httpx.Response:
        if form is None:
            return await self.http.request(method, path, headers=headers, **request)
        boundary = new_boundary()
        body = iterate(form.body(boundary))
        return await self.http.request(
            method,
            path,
            params=request["params"],
            content=body,
            headers=headers | form.headers(boundary),
        )

    async def wait_for(
        self,
        method: str,
        path: str,
        *,
        timeout_seconds: float | None = WAIT_SECONDS,
        **request: Any,
    ) -> Any:
        """Return a result that a worker computes; polls `Location` while the answer is 202.

        Raises WaitTimeout.
        """
        deadline = Deadline(path, timeout_seconds)
        return await self._poll(deadline, method, path, may_repeat=True, **request)

    async def repeat_until_done(
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
            response = await self.request(method, path, **request)
            if response.status_code != httpx.codes.ACCEPTED:
                return read_json(response)
            deadline.check()
            await self._poll(deadline, "GET", location_of(response))

    async def _poll(self, deadline: Deadline, method: str, path: str, **request: Any) -> Any:
        response = await self.request(method, path, **request)
        while response.status_code == httpx.codes.ACCEPTED:
            await self.pause(deadline, retry_after_of(response))
            response = await self.request("GET", location_of(response))
        return read_json(response)

    async def pause(self, deadline: Deadline, seconds: float | None = None) -> None:
        """Sleep until the next poll; raises WaitTimeout when the deadline is over."""
        await sleep(deadline.next_poll() if seconds is None else deadline.limit(seconds))
        deadline.check()

    async def download(
        self,
        path: str,
        file: Path,
        *,
        params: Mapping[str, Any] | None = None,
        timeout_seconds: float | None = WAIT_SECONDS,
    ) -> Path:
        """Save an answer as a file, chunk by chunk; polls while the service answers 202.

        After an error there is no file. Raises WaitTimeout.
        """
        deadline = Deadline(path, timeout_seconds)
        while True:
            async with self.stream("GET", path, params=params) as response:
                if response.status_code != httpx.codes.ACCEPTED:
                    with new_file(file) as target:
                        async for chunk in response.aiter_bytes(_CHUNK_BYTES):
                            target.write(chunk)
                    return file
                await response.aread()
            await self.pause(deadline, retry_after_of(response))
            path, params = location_of(response), None

    @asynccontextmanager
    async def stream(self, method: str, path: str, **request: Any) -> AsyncIterator[httpx.Response]:
        """Yield a successful answer whose body is read in pieces; it is requested once."""
        try:
            async with self.http.stream(method, path, **request) as response:
                if not response.is_success:
                    await response.aread()
                require_success(response)
                yield response
        except httpx.TransportError as error:
            raise _describe(self.url, error) from error


def _invalid_address(url: str) -> InvalidAddress:
    return InvalidAddress(
        "INVALID_ADDRESS",
        f"The address is '{url}'; it must be an address like http://127.0.0.1:8000.",
    )


def _describe(url: str, error: httpx.TransportError) -> ConnectionFailed:
    reason = str(error) or type(error).__name__
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return cannot_connect(url, reason)
    if isinstance(error, httpx.TimeoutException):
        return ConnectionFailed(
            "TIMED_OUT", f"{url} did not answer in time. Try again, or read the service's log."
        )
    return ConnectionFailed(
        "CONNECTION_FAILED", f"The connection to {url} was lost ({reason}). Try again."
    )
