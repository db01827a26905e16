"""Errors of the client.

GraftClientError
├── ApiError       the service rejected a request or failed
├── OutcomeError   the dataset, job or batch of a request ended without a result
└── WaitTimeout    the client stopped waiting before the work was finished
"""

import httpx

_EXCERPT_CHARACTERS = 200


class GraftClientError(Exception):
    """Base class of all errors, with a stable `code` and a readable `detail`."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class ApiError(GraftClientError):
    """The service rejected a request or failed.

    `code` and `detail` come from the RFC 9457 body. An answer from a proxy or another program has
    the code HTTP_<status> or UNEXPECTED_ANSWER.
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
    """The client stopped waiting; the service continues the work."""

    def __init__(self, subject: str, timeout_seconds: float) -> None:
        super().__init__(
            "WAIT_TIMEOUT",
            f"{subject} was not finished after {timeout_seconds:g} s. The service continues the "
            "work; wait again, or with a longer timeout.",
        )


def require_success(response: httpx.Response) -> None:
    """Raise ApiError unless the response is a success; its body must have been read."""
    if response.is_success:
        return
    status = response.status_code
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        problem = read_json(response)
        if isinstance(problem, dict) and {"code", "detail"} <= problem.keys():
            raise ApiError(problem["code"], problem["detail"], status)
    raise ApiError(f"HTTP_{status}", response.text[:500] or response.reason_phrase, status)


def read_json(response: httpx.Response) -> object:
    """Return the JSON body of a response; raises ApiError if it is not JSON."""
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
