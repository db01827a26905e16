"""The application's OpenAPI document, made when it is first requested."""

from typing import Any

from fastapi import FastAPI


def complete_schema(app: FastAPI) -> None:
    """Replace FastAPI's document by one with tags, examples and every error response."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            from app.web.openapi.completion import complete  # noqa: PLC0415 - slow to import, and not always needed

            app.openapi_schema = complete(original())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # documented by FastAPI
