"""Declare who may use each operation: the API key, and the scopes that it needs."""

from typing import Any

from app.access.route_scopes import find_required
from app.errors import Forbidden, GraftError, Unauthenticated
from app.web.openapi.operation import Operation

_NAME = "api_key"
_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "gk_<id>_<secret>",
    "description": "An API key (`POST /keys`). It is needed while access control is on "
    "(`GRAFT_ACCESS_CONTROL`).",
}


def add_security_scheme(document: dict[str, Any]) -> None:
    """Declare API keys, for Swagger UI's Authorize button and for generated clients."""
    document["components"]["securitySchemes"] = {_NAME: _SCHEME}


def declare_scopes(operation: Operation) -> None:
    """Declare the scopes that an operation needs, for programs and for readers."""
    scopes = find_required(f"{operation.method} {operation.path}")
    if scopes is None:
        operation.content["security"] = []
        return
    operation.content["security"] = [{_NAME: list(scopes)}]
    names = " and ".join(f"`{scope}`" for scope in scopes)
    needed = f"Needs the scope {names}." if scopes else "Needs any valid API key."
    description = operation.content.get("description", "")
    operation.content["description"] = f"{description}\n\n{needed}".strip()


def list_access_errors(operation: Operation) -> list[type[GraftError]]:
    """Return the errors with which access control rejects a request for an operation."""
    scopes = find_required(f"{operation.method} {operation.path}")
    if scopes is None:
        return []
    return [Unauthenticated, Forbidden] if scopes else [Unauthenticated]
