"""Redirect paths with a slash too many or too few, without a host in the redirect."""

from urllib.parse import quote

from fastapi import FastAPI
from starlette.responses import RedirectResponse
from starlette.routing import Match
from starlette.types import Receive, Scope, Send


def redirect_slashes_within(app: FastAPI) -> None:
    """Redirect `/jobs/` to `/jobs` on the same origin.

    The framework would redirect to the host that the request names, whoever chose it.
    """
    router, not_found = app.router, app.router.default
    router.redirect_slashes = False

    async def redirect_or_refuse(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        other = (path.rstrip("/") if path.endswith("/") else f"{path}/") or "/"
        changed = {**scope, "path": other} if scope["type"] == "http" else None
        if changed and any(route.matches(changed)[0] != Match.NONE for route in router.routes):
            query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
            place = quote(f"/{other.lstrip('/')}", safe="/:@!$&'()*+,;=~") + query
            await RedirectResponse(place)(scope, receive, send)
            return
        await not_found(scope, receive, send)

    router.default = redirect_or_refuse
