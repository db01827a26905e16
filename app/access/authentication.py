"""Find out who sends a request: by an API key, and by what else an application adds."""

import asyncio
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import anyio
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection

from app.access.key_text import is_right, parse_key
from app.access.principal import Principal
from app.access.repository import KeyRepository, StoredKey
from app.db.base import now
from app.db.session import Database
from app.errors import Unavailable

log = logging.getLogger(__name__)

FRESH_SECONDS = 10.0
"""A key is read again after this time, so that all processes know of its revocation."""

STALE_SECONDS = 20.0
"""While the database does not respond, a key that was read this long ago is still accepted."""

USE_INTERVAL = timedelta(minutes=1)
"""Time between two updates of a key's last use."""

_MAX_KEYS = 10_000
_LOOKUPS = 4
"""Threads that look keys up, so that guesses cannot take all the threads of the routes."""


class Authenticator(Protocol):
    """One way to find out who sends a request."""

    async def authenticate(self, connection: HTTPConnection) -> Principal | None:
        """Return who sends a request; None if its credentials are missing, of another kind or bad.

        It is called before the body is read, and every few seconds while a stream of events is
        open. Raises Unavailable if that cannot be found out.
        """


def read_bearer(connection: HTTPConnection) -> str | None:
    """Return the token of the header `Authorization: Bearer`; None without one."""
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token else None


@dataclass(frozen=True)
class _Cached:
    key: StoredKey
    read_at: float


class KeyAuthenticator:
    """Accepts API keys; belongs to one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache: OrderedDict[str, _Cached] = OrderedDict()
        self._reading: dict[str, asyncio.Task[StoredKey | None]] = {}
        self._used_at: dict[str, datetime] = {}
        self._writing: set[asyncio.Task[None]] = set()
        self._lookups = anyio.CapacityLimiter(_LOOKUPS)
        self._writes = anyio.CapacityLimiter(1)

    async def authenticate(self, connection: HTTPConnection) -> Principal | None:
        text = parse_key(read_bearer(connection) or "")
        if text is None:
            return None
        key = await self._find(text.id)
        # the secret is compared even if there is no such key, so that both take as long
        if not is_right(text.secret, key.secret_hash if key else None) or key is None:
            return None
        moment = now()
        if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= moment):
            return None
        self._note_use(key, moment)
        return key.principal

    async def _find(self, key_id: str) -> StoredKey | None:
        cached = self._cache.get(key_id)
        if cached is not None and time.monotonic() - cached.read_at < FRESH_SECONDS:
            return cached.key
        reading = self._reading.get(key_id)
        if reading is None:
            reading = self._reading[key_id] = asyncio.create_task(self._read(key_id))
            reading.add_done_callback(lambda _: self._reading.pop(key_id, None))
        try:
            return await asyncio.shield(reading)
        except SQLAlchemyError as error:
            if cached is not None and time.monotonic() - cached.read_at < STALE_SECONDS:
                return cached.key
            raise Unavailable("The database does not respond; try again later.") from error

    async def _read(self, key_id: str) -> StoredKey | None:
        key = await anyio.to_thread.run_sync(self._read_now, key_id, limiter=self._lookups)
        if key is None:
            self._cache.pop(key_id, None)
            return None
        self._cache[key_id] = _Cached(key, time.monotonic())
        self._cache.move_to_end(key_id)
        while len(self._cache) > _MAX_KEYS:
            forgotten, _ = self._cache.popitem(last=False)
            self._used_at.pop(forgotten, None)
        return key

    def _read_now(self, key_id: str) -> StoredKey | None:
        with self._database.reading() as session:
            return KeyRepository(session).find(key_id)

    def _note_use(self, key: StoredKey, moment: datetime) -> None:
        """Store the time of the last use, in the background and at most once a minute."""
        before = max(filter(None, (key.last_used_at, self._used_at.get(key.id))), default=None)
        if before is not None and moment - before < USE_INTERVAL:
            return
        self._used_at[key.id] = moment
        task = asyncio.create_task(self._write_use(key.id, moment))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write_use(self, key_id: str, moment: datetime) -> None:
        try:
            await anyio.to_thread.run_sync(
                self._write_use_now, key_id, moment, limiter=self._writes
            )
        except SQLAlchemyError as error:
            log.warning("the last use of %s was not stored: %s", key_id, type(error).__name__)

    def _write_use_now(self, key_id: str, moment: datetime) -> None:
        with self._database.transaction() as session:
            KeyRepository(session).note_use(key_id, moment, USE_INTERVAL)

    async def close(self) -> None:
        """Wait until the last uses are stored."""
        await asyncio.gather(*self._writing, return_exceptions=True)
