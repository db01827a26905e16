"""Time limits of the API's database calls, so that a hung database costs requests, not threads."""

import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, event

if TYPE_CHECKING:
    from psycopg import Connection

CONNECT_SECONDS = 5
POOL_SECONDS = 10.0
"""How long a thread waits for one of the connections."""

_GRACE_SECONDS = 2.0
"""The server ends a statement first, if it still runs."""


def limit_postgres(engine: Engine, seconds: float) -> None:
    """End statements of PostgreSQL that take longer, on the server and on this side.

    A server that is frozen, or gone without a word, ends nothing itself; then the connection is
    closed, and the driver's OperationalError raised.
    """
    event.listen(engine, "do_connect", _make_connector(seconds))


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
        limit = f"-c statement_timeout={int(seconds * 1000)}"
        options["options"] = f"{options.get('options', '')} {limit}".strip()
        return LimitedConnection.connect(*arguments, **options)

    return connect


def _end_in_time(
    generator: Generator[Any, Any, Any], connection: "Connection[Any]", deadline: float
) -> Generator[Any, Any, Any]:
    """Pass on what the driver's generator waits for, and end it at the deadline."""
    from psycopg import OperationalError  # noqa: PLC0415 - not everyone has it

    try:
        wish = next(generator)
    except StopIteration as end:  # there is nothing to wait for
        return end.value
    while True:
        ready = yield wish
        if not ready and time.monotonic() > deadline:
            connection.close()
            raise OperationalError("the server did not respond in time")
        try:
            wish = generator.send(ready)
        except StopIteration as end:
            return end.value
