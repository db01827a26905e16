"""Exit codes of `graft`."""

from enum import IntEnum

from graft_client.errors import (
    ApiError,
    ConnectionFailed,
    GateFailed,
    GraftError,
    InvalidAddress,
    InvalidInput,
    UnexpectedAnswer,
)

_FIRST_SERVER_ERROR = 500


class ExitCode(IntEnum):
    """What a script learns from the end of a command."""

    FAILED = 1
    """The work failed: a job, a dataset, an image or a gate; or the wait for it ended."""
    USAGE = 2
    """The command line is wrong, or a file cannot be read or written."""
    UNREACHABLE = 3
    """No service answers at the address."""
    REFUSED = 4
    """The service refused the request (4xx), or has no such thing."""
    SERVICE_ERROR = 5
    """The service failed (5xx), or its answer is not one of Graft."""
    INTERRUPTED = 130
    """Ctrl-C."""


_BY_KIND: dict[type[Exception], ExitCode] = {
    OSError: ExitCode.USAGE,
    InvalidAddress: ExitCode.USAGE,
    InvalidInput: ExitCode.USAGE,
    ConnectionFailed: ExitCode.UNREACHABLE,
    GateFailed: ExitCode.FAILED,
    UnexpectedAnswer: ExitCode.SERVICE_ERROR,
}


def exit_code_of(error: GraftError | OSError) -> ExitCode:
    """Return the exit code for an error of the client."""
    if isinstance(error, GraftError) and error.code == "NOT_FOUND":
        return ExitCode.REFUSED
    return next(
        (code for kind, code in _BY_KIND.items() if isinstance(error, kind)), _of_status(error)
    )


def _of_status(error: Exception) -> ExitCode:
    if not isinstance(error, ApiError):
        return ExitCode.FAILED
    is_refusal = error.status < _FIRST_SERVER_ERROR
    return ExitCode.REFUSED if is_refusal else ExitCode.SERVICE_ERROR
