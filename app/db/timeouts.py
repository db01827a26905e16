"""Time limits of database calls and transactions, so that what hangs stops nothing else."""

import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    from psycopg import Connection
    from sqlalchemy.engine import ExceptionContext

CONNECT_SECONDS = 5
POOL_SECONDS = 10.0
"""How long a thread waits for one of the connections."""

_IDLE_IN_TRANSACTION_TIMEOUT = "25P03"
"""The SQLSTATE (PostgreSQL, appendix A)."""

_GRACE_SECONDS = 2.0
"""The server ends a statement first, if it still runs."""


def limit_postgres(engine: Engine, seconds: float) -> None:
    """End statements of PostgreSQL that take longer, on the server and on this side.

    A server that is frozen, or gone without a word, ends nothing itself; then the connection is
    closed, and the driver's OperationalError raised.
    """
    event.listen(engine, "do_connect", _make_connector(seconds))


def end_abandoned_transactions(engine: Engine, seconds: float) -> None:
    """Let PostgreSQL roll back a transaction whose process sends nothing for so long.

    A process that is frozen or unreachable would keep its locks until it is back. If it comes back,
    its next statement raises OperationalError.
    """

    def set_limit(
        _dialect: Any, _record: Any, _arguments: list[Any], options: dict[str, Any]
    ) -> None:
        _set_milliseconds(options, "idle_in_transaction_session_timeout", seconds)

    # first, because the listener of `limit_postgres` connects
    event.listen(engine, "do_connect", set_limit, insert=True)
    event.listen(engine, "handle_error", _raise_operational_error)


def _raise_operational_error(context: "ExceptionContext") -> None:
    """Raise an OperationalError, which callers retry after, for the driver's InternalError."""
    error = context.original_exception
    if getattr(error, "sqlstate", None) == _IDLE_IN_TRANSACTION_TIMEOUT:
        context.is_disconnect = True
        raise OperationalError(context.statement, context.parameters, error) from error


def _set_milliseconds(options: dict[str, Any], name: str, seconds: float) -> None:
    setting = f"-c {name}={int(seconds * 1000)}"
    options["options"] = f"{options.get('options', '')} {setting}".strip()


def _make_connector(seconds: float) -> Any:
    import psycopg  # noqa: PLC0415 - not everyone has it

    class LimitedConnection(psycopg.Connection[Any]):
        """A connection whose waits for the server end."""

        def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
            limited = _end_in_time(gen, self, time.monotonic() + seconds + _GRACE_SECONDS)
            return super().wait(limited, *arguments, **options)

    def connect(
        _dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]
    ) -> psycopg.Connection[Any]:
        options.setdefault("connect_timeout", CONNECT_SECONDS)
        _set_milliseconds(options, "statement_timeout", seconds)
        return LimitedConnection.connect(*arguments, **options)

    return connect


def _end_in_time(
    generator: Generator[Any, Any, Any], connection: "Connection[Any]", deadline: float
) -> Generator[Any, Any, Any]:
    """Pass on what the driver's generator waits for, and end it at the deadline."""
    import psycopg  # noqa: PLC0415 - not everyone has it

    try:
        wish = next(generator)
    except StopIteration as end:  # there is nothing to wait for
        return end.value
    while True:
        ready = yield wish
        if not ready and time.monotonic() > deadline:
            connection.close()
            raise psycopg.OperationalError("the server did not respond in time")
        try:
            wish = generator.send(ready)
        except StopIteration as end:
            return end.value
