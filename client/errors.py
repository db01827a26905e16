"""What can go wrong when talking to the service.

GraftClientError
├── ApiError       a request was refused or failed
└── OutcomeError   it was accepted, and the work behind it came to nothing
"""

import httpx


class GraftClientError(Exception):
    """Base of both; `code` is stable, `detail` is for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class ApiError(GraftClientError):
    """The service refused or failed.

    From an RFC 9457 body where there is one; an answer of something in between (a proxy) has the
    code HTTP_<status>.
    """

    def __init__(self, code: str, detail: str, status: int) -> None:
        super().__init__(code, detail)
        self.status = status


class OutcomeError(GraftClientError):
    """A dataset turned out invalid, or a job ended without a model.

    `code` is the dataset's or job's own, or the job's status where it has none (CANCELLED).
    """

    def __init__(self, subject_id: str, code: str, detail: str) -> None:
        super().__init__(code, f"{subject_id}: {detail}")
        self.subject_id = subject_id


def require_success(response: httpx.Response) -> None:
    """Raise ApiError unless the answer, whose body has been read, is a success."""
    if response.is_success:
        return
    status = response.status_code
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        problem = response.json()
        raise ApiError(problem["code"], problem["detail"], status)
    raise ApiError(f"HTTP_{status}", response.text[:500] or response.reason_phrase, status)
