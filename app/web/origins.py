"""Refuse requests for foreign hosts, and changes that a page of another origin sends.

A page on the web can send forms to any address that its reader's browser reaches, a service on the
reader's own machine included, and can give itself that service's address (DNS rebinding). The
browser says which page a request comes from, and which host it is for.
"""

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import GraftError
from app.request_errors import CrossOrigin, HostNotTrusted
from app.web.problems import problem_response

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
PROBES = frozenset({"/livez", "/readyz"})

_ANY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound
_UNSAFE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_MAX_SHOWN = 100


class TrustedOrigins:
    """Check `Host` of every request but probes, and the origin of those that change something.

    Trusted are loopback names, the address that the service listens on and the configured hosts. A
    service that listens on every address also trusts every IP address as a host, because a page can
    only rebind a name.
    """

    def __init__(
        self, app: ASGIApp, *, listens_on: str, hosts: Sequence[str], origins: Sequence[str]
    ) -> None:
        """`hosts` may hold `*.example.org`, or `*` for any; `origins` may send cross-origin."""
        self.app = app
        named = [host.lower() for host in hosts if host]
        self._hosts = {*LOOPBACK_HOSTS, listens_on.lower(), *named} - _ANY_ADDRESS
        self._suffixes = tuple(host[1:] for host in named if host.startswith("*."))
        self._trusts_addresses = listens_on in _ANY_ADDRESS
        self._trusts_any = "*" in named
        self._origins = frozenset(origin.lower() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self.app(scope, receive, send)
            return
        try:
            self._check(scope)
        except GraftError as error:
            answer = problem_response(
                error, instance=scope["path"], request_id=scope["graft.request_id"]
            )
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        host = origin = site = ""
        num_hosts = 0
        for name, value in scope["headers"]:
            if name == b"host":
                host = value.decode("latin-1").lower()
                num_hosts += 1
            elif name == b"origin":
                origin = value.decode("latin-1").lower()
            elif name == b"sec-fetch-site":
                site = value.decode("latin-1").lower()
        if num_hosts != 1 or not self._is_trusted(name_of(host)):
            raise HostNotTrusted(
                f"The request is for the host '{host[:_MAX_SHOWN]}', which this service does not "
                "serve. Use the address that it listens on, or add the host to "
                "GRAFT_TRUSTED_HOSTS."
            )
        if scope["method"] in _UNSAFE_METHODS and not self._is_same_origin(host, origin, site):
            raise CrossOrigin(
                f"A page of '{(origin or site)[:_MAX_SHOWN]}' sent this request; only pages of "
                "this service may change something here. Add the page's origin to "
                "GRAFT_CORS_ORIGINS to allow it."
            )

    def _is_trusted(self, name: str) -> bool:
        if self._trusts_any or name in self._hosts or name.endswith(self._suffixes):
            return True
        return self._trusts_addresses and _is_address(name)

    def _is_same_origin(self, host: str, origin: str, site: str) -> bool:
        if origin in self._origins:
            return True
        if site:
            return site in {"same-origin", "none"}
        return not origin or urlsplit(origin).netloc == host


def name_of(host: str) -> str:
    """Return the name or address in a Host header, without the port and an IPv6 address's []."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
