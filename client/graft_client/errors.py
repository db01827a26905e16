"""Errors of the client.

GraftError
├── ApiError                the service rejected a request or failed
│   ├── InvalidRequest      400, 408, 413, 415, 422, 431: the request is wrong
│   ├── Unauthenticated     401: no valid API key; give one as api_key or in GRAFT_API_KEY
│   ├── Forbidden           403: the API key lacks a scope
│   ├── NotFound            404
│   ├── Conflict            409: the present state does not allow it
│   │   └── GateFailed, IllegalTransition, InUse, ModelNotReady
│   ├── Unavailable         429, 502, 503, 504: try again later
│   ├── ServiceError        500 and the others: the service has failed
│   └── UnexpectedAnswer    the answer is not Graft's, or is of another version
├── ConnectionFailed        the service cannot be reached, or did not answer in time
├── InvalidAddress          the address is not one of a service
├── OutcomeError            the dataset, job, batch or study ended without a result
├── WaitTimeout             the client stopped waiting before the work was finished
├── InvalidInput            an image or a path cannot be sent
└── MissingDependency       an optional package is not installed
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_EXCERPT_CHARACTERS = 500
_MAX_ALLOWED_SHOWN = 20


class GraftError(Exception):
    """Base class of all errors, with a stable `code` and a readable `detail`."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class FieldError:
    """An error of one field: its location, a message and the allowed values if they are known."""

    loc: tuple[str | int, ...]
    message: str
    allowed: tuple[str, ...] | None = None

    @property
    def field(self) -> str:
        """The location in words, such as `optimizer.learning_rate`."""
        return ".".join(str(part) for part in self.loc if part not in {"body", "query", "path"})


class ApiError(GraftError):
    """The service rejected a request or failed; the attributes are those of the RFC 9457 body.

    Printed, it says what is wrong, which values are allowed, and the request's id for the service's
    log.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        status: int,
        *,
        request_id: str | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(code, detail)
        self.status = status
        self.request_id = request_id
        self.errors = tuple(errors)

    def __str__(self) -> str:
        lines = [f"{self.code}: {self.detail}"]
        lines += [
            f"  allowed for {error.field or 'the body'}: {_shorten(error.allowed)}"
            for error in self.errors
            if error.allowed
        ]
        if self.request_id:
            lines.append(f"  (status {self.status}, request {self.request_id})")
        return "\n".join(lines)


class InvalidRequest(ApiError):
    """The request is wrong; `errors` lists the fields."""


class Unauthenticated(ApiError):
    """The service needs a valid API key: give it as `api_key` or in the variable GRAFT_API_KEY."""


class Forbidden(ApiError):
    """The API key lacks a scope; `detail` names it. Use another key, or ask for one."""


class NotFound(ApiError):
    """The resource does not exist."""


class Conflict(ApiError):
    """The present state does not allow the request."""


class GateFailed(Conflict):
    """The model's gate refuses the promotion."""


class IllegalTransition(Conflict):
    """The status does not allow this."""


class InUse(Conflict):
    """Another resource still uses this one."""


class ModelNotReady(Conflict):
    """No model has been chosen or registered yet."""


class Unavailable(ApiError):
    """The service is overloaded, starting or stopping; try again later."""


class ServiceError(ApiError):
    """The service has failed; its log has the details under the request's id."""


class UnexpectedAnswer(ApiError):
    """The answer is not one of this version of Graft; its code is UNEXPECTED_ANSWER or HTTP_…."""


class ConnectionFailed(GraftError):
    """The service cannot be reached (CONNECTION_FAILED) or did not answer in time (TIMED_OUT)."""


class InvalidAddress(GraftError):
    """The address is not one of a service."""


class OutcomeError(GraftError):
    """A dataset is invalid, or a job or batch ended without a result.

    `code` is that of the dataset, job or batch, or its status where it has none (CANCELLED).
    """

    def __init__(self, subject_id: str, code: str, detail: str) -> None:
        super().__init__(code, f"{subject_id}: {detail}")
        self.subject_id = subject_id


class WaitTimeout(GraftError):
    """The client stopped waiting; the service continues the work."""

    def __init__(self, subject: str, timeout_seconds: float) -> None:
        super().__init__(
            "WAIT_TIMEOUT",
            f"{subject} was not finished after {timeout_seconds:g} s. The service continues the "
            "work; wait again, or with a longer timeout.",
        )


class InvalidInput(GraftError):
    """An image, path or other value cannot be sent to the service."""

    def __init__(self, detail: str) -> None:
        super().__init__("INVALID_INPUT", detail)


class MissingDependency(GraftError, ImportError):
    """An optional package is not installed."""

    def __init__(self, package: str, purpose: str) -> None:
        super().__init__(
            "MISSING_DEPENDENCY", f"{purpose} needs {package}: run `pip install {package}`."
        )


_BY_CODE: dict[str, type[ApiError]] = {
    "GATE_FAILED": GateFailed,
    "ILLEGAL_TRANSITION": IllegalTransition,
    "IN_USE": InUse,
    "MODEL_NOT_READY": ModelNotReady,
}
_BY_STATUS: dict[int, type[ApiError]] = {
    **dict.fromkeys((400, 405, 408, 413, 415, 422, 431), InvalidRequest),
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    **dict.fromkeys((429, 502, 503, 504), Unavailable),
}


def error_of_problem(status: int, problem: Mapping[str, Any]) -> ApiError:
    """Return the error that problem details (RFC 9457) describe."""
    code, detail = str(problem["code"]), str(problem["detail"])
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status, ServiceError)
    request_id = problem.get("request_id")
    return kind(
        code,
        detail,
        status,
        request_id=str(request_id) if request_id else None,
        errors=[_field_error(error) for error in problem.get("errors") or ()],
    )


def error_of_status(status: int, url: str, text: str) -> ApiError:
    """Return the error for an answer without problem details, as a proxy may send it."""
    kind = Unavailable if _BY_STATUS.get(status) is Unavailable else UnexpectedAnswer
    detail = f"{url} answered with status {status}: {text[:_EXCERPT_CHARACTERS].strip() or '-'}"
    return kind(f"HTTP_{status}", detail, status)


def unexpected_answer(status: int, url: str, what: str) -> UnexpectedAnswer:
    """Return the error for an answer that is not one of the service."""
    return UnexpectedAnswer(
        "UNEXPECTED_ANSWER",
        f"{url} answered with {what}. Check that this is the address of the service, and that "
        "client and service have the same version.",
        status,
    )


def cannot_connect(url: str, reason: str) -> ConnectionFailed:
    """Return the error for an address where nothing answers."""
    return ConnectionFailed(
        "CONNECTION_FAILED",
        f"Cannot connect to {url} ({reason}). Start the service with `graft up`, or give the "
        "address of a running one.",
    )


def _field_error(error: Mapping[str, Any]) -> FieldError:
    allowed = error.get("allowed")
    return FieldError(
        tuple(error.get("loc") or ()),
        str(error.get("message")),
        tuple(allowed) if allowed else None,
    )


def _shorten(allowed: Sequence[str] | None) -> str:
    values = [str(value) for value in allowed or ()]
    more = len(values) - _MAX_ALLOWED_SHOWN
    return ", ".join(values[:_MAX_ALLOWED_SHOWN]) + (f" and {more} more" if more > 0 else "")
