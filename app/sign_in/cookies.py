"""The cookies of signing in, and whether a request with one comes from this service's own pages.

The session's cookie is SameSite=Strict: no other site's page makes a browser send it. That of a
sign-in in progress is Lax, because a Strict one is not sent when the provider redirects back.
"""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, astuple, dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from app.settings import Settings

ATTEMPT_SECONDS = 600
"""Time in which a person must sign in at the provider."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Attempt:
    """A sign-in in progress: what the provider must send back, and the page to show then."""

    state: str
    nonce: str
    verifier: str
    next: str


def start_attempt(next_page: str) -> Attempt:
    """Return a new sign-in that nobody can guess; it leads to a page of this service only."""
    return Attempt(
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
        next=next_page if is_page_of_ours(next_page) else "/ui/",
    )


def is_page_of_ours(path: str) -> bool:
    """Return whether a redirect stays in the dashboard; to browsers a backslash is a slash."""
    return path.startswith("/ui/") and "\\" not in path


class Cookies:
    """Reads and writes the cookies; over https they are bound to this host."""

    def __init__(self, settings: Settings) -> None:
        self.is_secure = settings.public_url.startswith("https://")
        prefix = "__Host-" if self.is_secure else ""
        self._session, self._attempt = f"{prefix}graft_session", f"{prefix}graft_sign_in"

    def read_session(self, connection: HTTPConnection) -> str | None:
        """Return the value of the session's cookie, None without one."""
        return connection.cookies.get(self._session)

    def write_session(self, response: Response, value: str, *, seconds: int) -> None:
        self._write(response, self._session, value, seconds, same_site="strict")

    def delete_session(self, response: Response) -> None:
        self._write(response, self._session, "", 0, same_site="strict")

    def read_attempt(self, connection: HTTPConnection) -> Attempt | None:
        """Return the sign-in in progress; None if there is none, or the cookie is not ours."""
        value = connection.cookies.get(self._attempt, "")
        try:
            attempt = Attempt(**json.loads(urlsafe_b64decode(value)))
        except (ValueError, TypeError):
            return None
        is_text = all(isinstance(one, str) for one in astuple(attempt))
        return attempt if is_text and is_page_of_ours(attempt.next) else None

    def write_attempt(self, response: Response, attempt: Attempt) -> None:
        value = urlsafe_b64encode(json.dumps(asdict(attempt)).encode()).decode()
        self._write(response, self._attempt, value, ATTEMPT_SECONDS, same_site="lax")

    def delete_attempt(self, response: Response) -> None:
        self._write(response, self._attempt, "", 0, same_site="lax")

    def _write(
        self, response: Response, name: str, value: str, seconds: int, *, same_site: str
    ) -> None:
        response.headers.append(
            "Set-Cookie",
            f"{name}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite={same_site.title()}"
            + ("; Secure" if self.is_secure else ""),
        )


def is_own_page(connection: HTTPConnection) -> bool:
    """Return whether a request changes nothing or was sent by a page of this service.

    A browser says so in headers that no page can set (Fetch Metadata; RFC 6454, Origin).
    """
    if connection.scope["method"] in _SAFE_METHODS:
        return True
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = connection.headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc == connection.headers.get("host")
