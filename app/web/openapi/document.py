"""The application's OpenAPI document, made when it is first requested."""

from threading import Lock
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

URL = "/openapi.json"


def add_document(app: FastAPI) -> None:
    """Add the document, with tags, examples and every error response, at URL.

    It takes seconds to make, so the route runs in a thread and others are answered meanwhile.
    """
    original, lock = app.openapi, Lock()
    documents: list[dict[str, Any]] = []

    def openapi() -> dict[str, Any]:
        with lock:
            if not documents:
                from app.web.openapi.completion import complete  # noqa: PLC0415 - slow to import, and not always needed

                documents.append(complete(original()))
            return documents[0]

    app.openapi = openapi  # type: ignore[method-assign]  # documented by FastAPI

    @app.get(URL, include_in_schema=False)
    def get_document(request: Request) -> JSONResponse:
        document, root = openapi(), request.scope.get("root_path", "")
        return JSONResponse(document | {"servers": [{"url": root}]} if root else document)
