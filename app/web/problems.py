"""Return domain errors as RFC 9457 problem details; their HTTP statuses are defined here only."""

import errno
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app import errors, request_errors, upload_errors
from app.db.disk_full import is_disk_full
from app.web.content_types import CONTENT_TYPE
from app.web.request_problems import find_request_problems
from app.web.security_headers import SECURITY_HEADERS

log = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"

_STATUS: dict[type[errors.GraftError], int] = {
    errors.GraftError: 500,
    errors.InputError: 422,
    request_errors.BadRequest: 400,
    request_errors.HostNotTrusted: 400,
    request_errors.CrossOrigin: 403,
    request_errors.RequestTimeout: 408,
    request_errors.UnsupportedMediaType: 415,
    request_errors.HeadersTooLarge: 431,
    errors.BadJson: 400,
    errors.BodyIncomplete: 400,
    errors.BodyTooLarge: 413,
    errors.ImageTooLarge: 413,
    errors.UnsupportedImage: 415,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooFewImages: 409,
    errors.GpuOutOfMemory: 409,
    errors.ExportUnavailable: 501,
    errors.QuotaExceeded: 403,
    errors.RateLimited: 429,
    errors.Overloaded: 503,
    errors.Unavailable: 503,
    errors.CheckpointInvalid: 503,
    errors.EngineUnavailable: 503,
    errors.DeadlineExceeded: 504,
    errors.StorageFull: 507,
    upload_errors.ChecksumUnsupported: 400,
    upload_errors.UploadGone: 410,
    upload_errors.TusVersionUnsupported: 412,
    upload_errors.UploadLocked: 423,
    upload_errors.ChecksumMismatch: 460,
}


class FieldError(BaseModel):
    """An error of one field."""

    loc: list[str | int] = Field(
        description="The location of the field in the request.", examples=[["body", "epochs"]]
    )
    message: str = Field(
        description="What is wrong, with the value, and what is allowed.",
        examples=["`epochs` is 0; it must be greater than or equal to 1."],
    )
    allowed: list[str] | None = Field(
        None, description="Allowed values or names, if they can be listed."
    )


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="The kind of error as a URN.", examples=["urn:graft:not-found"])
    title: str = Field(description="The kind of error in words.", examples=["Not found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(
        description="What is wrong, what is allowed and what to do.",
        examples=["There is no job job_unknown."],
    )
    instance: str = Field(description="The path of the request.", examples=["/jobs/job_unknown"])
    code: str = Field(description="The stable error code, for programs.", examples=["NOT_FOUND"])
    request_id: str = Field(
        description="Also in the X-Request-ID header and in the log.",
        examples=["req_2fb63caa7711ac1b"],
    )
    errors: list[FieldError] | None = Field(None, description="The fields that are wrong.")
    error: str | None = Field(
        None,
        description="The same as `detail`, only below `/v2`, for clients of the Open Inference "
        "Protocol.",
    )


def status_of(error: type[errors.GraftError]) -> int:
    """Return the HTTP status of an error class: its own or its nearest ancestor's."""
    return next(_STATUS[ancestor] for ancestor in error.__mro__ if ancestor in _STATUS)


def problem_responses(*error_classes: type[errors.GraftError]) -> dict[int | str, dict[str, Any]]:
    """Declare errors in a route's OpenAPI entry."""
    codes: dict[int, list[type[errors.GraftError]]] = {}
    for error in error_classes:
        codes.setdefault(status_of(error), []).append(error)
    return {status: describe(status, classes) for status, classes in codes.items()}


def describe(status: int, classes: list[type[errors.GraftError]]) -> dict[str, Any]:
    """Return the OpenAPI response object of a status and its errors.

    Its examples are named by the codes; `app.web.openapi` adds their values.
    """
    lines = [f"`{error.code}`: {error.__doc__}" for error in classes]
    bullet = "- " if len(lines) > 1 else ""
    return {
        "description": "\n".join(bullet + line for line in lines) or HTTPStatus(status).phrase,
        "content": {
            PROBLEM_JSON: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {error.code: {} for error in classes},
            }
        },
    }


def problem_response(error: errors.GraftError, *, instance: str, request_id: str) -> JSONResponse:
    """Return the response for a domain error."""
    headers = {}
    if isinstance(error, errors.Overloaded):
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, errors.Unavailable):
        headers["Retry-After"] = "5"
    if isinstance(error, errors.Unauthenticated | errors.Forbidden):
        headers["WWW-Authenticate"] = _make_challenge(error)
    if isinstance(error, request_errors.RequestTimeout):
        headers["Connection"] = "close"  # else the rest of the request would be waited for
    return _render(
        status_of(type(error)),
        error.code,
        error.message,
        instance=instance,
        request_id=request_id,
        fields=list_field_errors(error),
        headers=headers,
    )


def _make_challenge(error: errors.Unauthenticated | errors.Forbidden) -> str:
    """Return the header that says how to authenticate (RFC 6750, section 3)."""
    challenge = 'Bearer realm="graft"'
    if isinstance(error, errors.Forbidden):
        return f'{challenge}, error="insufficient_scope", scope="{" ".join(error.scopes)}"'
    return f'{challenge}, error="invalid_token"' if error.is_invalid else challenge


def list_field_errors(error: errors.GraftError) -> list[FieldError] | None:
    """Return the fields that are wrong; None if the error is not about fields."""
    if not isinstance(error, errors.ValidationFailed):
        return None
    return [
        FieldError(
            loc=list(problem.loc),
            message=problem.message,
            allowed=list(problem.allowed) if problem.allowed else None,
        )
        for problem in error.problems
    ]


def install_problem_handlers(app: FastAPI) -> None:
    """Return every error as problem details, including those of the framework.

    Handlers are coroutines, because a plain function would take a thread for each rejected request.
    """
    app.add_exception_handler(errors.GraftError, _on_graft_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(OperationalError, _on_database_error)
    app.add_exception_handler(InterfaceError, _on_database_error)
    app.add_exception_handler(PoolTimeout, _on_database_error)
    app.add_exception_handler(Exception, _on_unexpected)


def request_id_of(request: Request) -> str:
    """Return the id that the middleware gave to a request."""
    return str(request.scope.get("graft.request_id", ""))


def _answer(request: Request, error: errors.GraftError) -> JSONResponse:
    return problem_response(error, instance=request.url.path, request_id=request_id_of(request))


async def _on_graft_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.GraftError)  # noqa: S101 - registered for this class alone
    return _answer(request, error)


async def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    problems = find_request_problems(request, error.errors())
    if any(problem.loc == CONTENT_TYPE for problem in problems):
        return _answer(request, request_errors.UnsupportedMediaType(*problems))
    return _answer(request, errors.ValidationFailed(*problems))


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    if isinstance(error.__cause__, errors.GraftError):  # raised while FastAPI read the body
        return _answer(request, error.__cause__)
    phrase = HTTPStatus(error.status_code).phrase
    detail = error.detail if error.detail != phrase else _FRAMEWORK_DETAIL.get(error.status_code)
    return _render(
        error.status_code,
        phrase.upper().replace(" ", "_").replace("-", "_"),
        detail or phrase,
        instance=request.url.path,
        request_id=request_id_of(request),
        headers=dict(error.headers or {}) | _list_methods(request, error.status_code),
    )


def _list_methods(request: Request, status: int) -> dict[str, str]:
    """Return the header Allow of a 405; the framework's has only the methods of one route."""
    if status != HTTPStatus.METHOD_NOT_ALLOWED:
        return {}
    allowed = [
        method
        for method in _METHODS
        for route in request.app.routes
        if route.matches(dict(request.scope) | {"method": method})[0] == Match.FULL
    ]
    return {"Allow": ", ".join(dict.fromkeys(allowed))} if allowed else {}


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

_FRAMEWORK_DETAIL = {
    404: "There is nothing at this path; /docs lists all paths.",
    405: "This path does not support that method; the Allow header lists those it does.",
}


_DATABASE_FULL = (
    "The database's disk is full, so nothing was changed. Free space on it, or delete datasets, "
    "jobs, model versions or exports that are no longer needed; then try again."
)


async def _on_database_error(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, OperationalError) and is_disk_full(error):
        log.error("the database's disk is full")
        return _answer(request, errors.StorageFull(_DATABASE_FULL))
    log.error("the database did not respond: %s", type(error).__name__, exc_info=error)
    return _answer(request, errors.Unavailable("The database does not respond; try again later."))


async def _on_unexpected(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _answer_unexpected(request, errors.StorageFull("The disk of the service is full."))
    log.error("unexpected error on %s", request.url.path, exc_info=error)
    return _answer_unexpected(
        request,
        errors.GraftError("The service failed; its log has the details under this request's id."),
    )


def _answer_unexpected(request: Request, error: errors.GraftError) -> JSONResponse:
    """Return an answer with the headers that the middleware adds, which it does not pass."""
    answer = _answer(request, error)
    answer.headers["X-Request-ID"] = request_id_of(request)
    answer.raw_headers.extend(SECURITY_HEADERS)
    return answer


def make_problem(  # noqa: PLR0913 - the members of RFC 9457, by keyword
    status: int,
    code: str,
    detail: str,
    *,
    instance: str,
    request_id: str,
    fields: list[FieldError] | None = None,
) -> Problem:
    """Return the problem details of an error."""
    return Problem(
        type=f"urn:graft:{code.lower().replace('_', '-')}",
        title=code.replace("_", " ").capitalize(),
        status=status,
        detail=detail,
        instance=instance,
        code=code,
        request_id=request_id,
        errors=fields,
        error=detail if instance == "/v2" or instance.startswith("/v2/") else None,
    )


def _render(  # noqa: PLR0913 - the members of RFC 9457, by keyword
    status: int,
    code: str,
    detail: str,
    *,
    instance: str,
    request_id: str,
    fields: list[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    problem = make_problem(
        status, code, detail, instance=instance, request_id=request_id, fields=fields
    )
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status_code=status,
        media_type=PROBLEM_JSON,
        headers=dict(headers or {}),
    )
