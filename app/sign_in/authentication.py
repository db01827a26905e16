"""Find out who sends a request: by the session of a browser, or by a token of the provider."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Generic, TypeVar

import anyio
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection

from app.access.authentication import read_bearer
from app.access.key_text import parse_key
from app.access.principal import Principal
from app.db.base import now
from app.db.session import Database
from app.errors import Forbidden, Unauthenticated, Unavailable
from app.settings import Settings
from app.sign_in import service
from app.sign_in.claims import Person, read_person
from app.sign_in.cookies import Cookies, is_own_page
from app.sign_in.provider import Provider
from app.sign_in.sessions import find_principal, hash_cookie

FRESH_SECONDS = 10.0
"""Who someone is is read again after this time, so that all processes know of a change."""

_MAX_CACHED = 10_000
_LOOKUPS = 4

K = TypeVar("K")


class _Lookups(Generic[K]):
    """Principals that were looked up a moment ago; belongs to one event loop."""

    def __init__(self) -> None:
        self._cache: OrderedDict[K, tuple[float, Principal]] = OrderedDict()
        self._limiter = anyio.CapacityLimiter(_LOOKUPS)

    async def find(self, key: K, read: Callable[[], Principal | None]) -> Principal | None:
        """Return the principal of a key; raises Unavailable if the database does not respond."""
        read_at, principal = self._cache.get(key, (0.0, None))
        if principal is not None and time.monotonic() - read_at < FRESH_SECONDS:
            return principal
        try:
            found = await anyio.to_thread.run_sync(read, limiter=self._limiter)
        except SQLAlchemyError as error:
            raise Unavailable("The database does not respond; try again later.") from error
        self._cache.pop(key, None)
        if found is not None:
            self._cache[key] = (time.monotonic(), found)
            while len(self._cache) > _MAX_CACHED:
                self._cache.popitem(last=False)
        return found


class SessionAuthenticator:
    """Accepts the cookie of a session, from pages of this service only."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._cookies = Cookies(settings)
        self._lookups = _Lookups[str]()

    async def authenticate(self, connection: HTTPConnection) -> Principal | None:
        value = self._cookies.read_session(connection)
        if value is None or read_bearer(connection) is not None:
            return None
        principal = await self._lookups.find(
            session_id := hash_cookie(value), partial(self._read, session_id)
        )
        if principal is not None and not is_own_page(connection):
            raise Forbidden(
                "A page of another site sent this request with your session's cookie. Use the "
                "dashboard, or an API key."
            )
        return principal

    def _read(self, session_id: str) -> Principal | None:
        with self._database.reading() as session:
            return find_principal(session, session_id, now())


class TokenAuthenticator:
    """Accepts bearer tokens that the OpenID provider issued for this service."""

    def __init__(self, database: Database, provider: Provider, settings: Settings) -> None:
        self._database = database
        self._provider = provider
        self._settings = settings
        self._lookups = _Lookups[Person]()

    async def authenticate(self, connection: HTTPConnection) -> Principal | None:
        token = read_bearer(connection)
        if token is None or token.count(".") != 2 or parse_key(token) is not None:  # noqa: PLR2004 - a JWT has three parts
            return None
        audience = self._settings.oidc_audience or self._settings.oidc_client_id
        claims = await self._provider.verify(token, audience=audience)
        person = read_person(claims, self._settings)
        principal = await self._lookups.find(person, partial(self._read, person))
        if principal is None:
            raise Unauthenticated(
                f"'{person.name}' may not use this service: nobody gave them a role, an "
                f"administrator has disabled them, or there is no tenant '{person.tenant}'.",
                is_invalid=True,
            )
        return principal

    def _read(self, person: Person) -> Principal | None:
        with self._database.reading() as session:
            found = service.find_principal(session, person, self._settings)
        return found and replace(found, kind="token")
