"""Errors of the client.

GraftClientError
├── ApiError       the service refused a request or failed
├── OutcomeError   the service accepted the request, and the work ended without a result
└── WaitTimeout    the work had not ended when the client stopped waiting
"""

import httpx

_EXCERPT_CHARACTERS = 200


class GraftClientError(Exception):
    """Base of all errors; `code` is stable, `detail` is for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class ApiError(GraftClientError):
    """The service refused a request or failed.

    `code` and `detail` come from the RFC 9457 body. An answer that is not the service's own (of a
    proxy, or of another program at this address) has the code HTTP_<status> or UNEXPECTED_ANSWER.
    """

    def __init__(self, code: str, detail: str, status: int) -> None:
        super().__init__(code, detail)
        self.status = status


class OutcomeError(GraftClientError):
    """A dataset is invalid, or a job or batch ended without a result.

    `code` is that of the dataset, job or batch, or its status where it has none (CANCELLED).
    """

    def __init__(self, subject_id: str, code: str, detail: str) -> None:
        super().__init__(code, f"{subject_id}: {detail}")
        self.subject_id = subject_id


class WaitTimeout(GraftClientError):
    """The client stopped waiting; the work in the service goes on."""

    def __init__(self, subject: str, timeout_seconds: float) -> None:
        super().__init__(
            "WAIT_TIMEOUT",
            f"{subject} was not finished after {timeout_seconds:g} s. The service goes on with it; "
            "wait again, or with a longer timeout.",
        )


def require_success(response: httpx.Response) -> None:
    """Raise ApiError unless the answer, whose body has been read, is a success."""
    if response.is_success:
        return
    status = response.status_code
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        problem = read_json(response)
        if isinstance(problem, dict) and {"code", "detail"} <= problem.keys():
            raise ApiError(problem["code"], problem["detail"], status)
    raise ApiError(f"HTTP_{status}", response.text[:500] or response.reason_phrase, status)


def read_json(response: httpx.Response) -> object:
    """Return the body of an answer; raises ApiError where it is not JSON."""
    try:
        body: object = response.json()
    except ValueError as error:
        content_type = response.headers.get("content-type", "no content type")
        raise ApiError(
            "UNEXPECTED_ANSWER",
            f"{response.url} answered with {response.text[:_EXCERPT_CHARACTERS]!r} "
            f"({content_type}) instead of JSON. Check that this is the address of the service.",
            response.status_code,
        ) from error
    return body
