"""Check the database, its schema, the broker, the storage and the weights."""

import os
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

from alembic.script import ScriptDirectory
from sqlalchemy import func, select, text

from app.db.migrate import alembic_config, find_revision
from app.db.session import Database
from app.doctor.finding import Finding, error, ok, warning
from app.errors import Unavailable
from app.ml.models.hub import find_hub_dir
from app.settings import Settings
from app.settings_text import mask_passwords
from app.space import Space, find_free_bytes, format_bytes
from app.tasks.notifications import celery_settings

_MIN_POSTGRES_CONNECTIONS = 100
"""The API's processes use up to 80 connections together, and every worker a few more."""

_MAX_CLOCK_SECONDS = 5.0
_WEIGHTS = ("*.safetensors", "*.pth")


def check_database(settings: Settings) -> Finding:
    """Open the database and read from it."""
    shown = mask_passwords(settings.sqlalchemy_url)
    file = settings.sqlite_file
    if file is not None and not file.exists():
        return ok(f"{shown} does not exist yet; the first start makes it")
    database = Database(settings.sqlalchemy_url)
    try:
        with database.reading() as session:
            session.execute(text("SELECT 1"))
            if database.engine.dialect.name == "sqlite":
                return ok(f"{shown} (SQLite {sqlite3.sqlite_version})")
            version = session.execute(text("SHOW server_version")).scalar_one()
            connections = int(session.execute(text("SHOW max_connections")).scalar_one())
    except Exception as problem:  # noqa: BLE001 - every driver has its own errors
        return error(
            f"{shown} cannot be opened: {_first_line(problem)}",
            "Start the database, and check GRAFT_DATABASE_URL and the password.",
        )
    finally:
        database.close()
    if connections < _MIN_POSTGRES_CONNECTIONS:
        return warning(
            f"{shown} (PostgreSQL {version}) allows {connections} connections",
            f"Set max_connections to {_MIN_POSTGRES_CONNECTIONS} or more.",
        )
    return ok(f"{shown} (PostgreSQL {version})")


def check_migrations(settings: Settings) -> Finding:
    """Compare the schema with the newest one."""
    file = settings.sqlite_file
    if file is not None and not file.exists():
        return ok("there is no database yet")
    url = settings.sqlalchemy_url
    try:
        revision = find_revision(url)
    except Unavailable:
        return error("the schema cannot be read", "See the line about the database.")
    scripts = ScriptDirectory.from_config(alembic_config(url))
    newest = scripts.get_current_head()
    if revision == newest:
        return ok(f"the schema is the newest, {newest}")
    if revision in {script.revision for script in scripts.walk_revisions()} | {None}:
        return warning(
            f"the schema is {revision or 'missing'}, and the newest is {newest}",
            "Run `graft migrate`, or start `graft up`, which does it.",
        )
    return error(
        f"the schema {revision} is of a newer version of Graft",
        "Install that version, or restore a backup of this one.",
    )


def check_broker(settings: Settings) -> Finding:
    """Connect to the broker."""
    if not settings.broker_url:
        return ok("embedded, a SQLite file in the data folder")
    from celery import Celery  # noqa: PLC0415 - slow to import

    shown = mask_passwords(settings.broker_url)
    try:
        celery = Celery(broker=settings.broker_url, set_as_current=False)
        celery.conf.update(celery_settings(settings.broker_url))
        with celery.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=5)
    except Exception as problem:  # noqa: BLE001 - every broker has its own errors
        return error(
            f"{shown} does not answer: {_first_line(problem)}",
            "Start it, and check GRAFT_BROKER_URL. Until then workers only poll.",
        )
    return ok(shown)


def check_storage(settings: Settings) -> Finding:
    """Write a file, and compare the free space with the floor."""
    root = settings.storage_dir
    if not root.exists():
        root = next(folder for folder in root.parents if folder.exists())
    if not _is_writable(root):
        return error(
            f"{root} is not writable by the user {os.getuid()}",
            "Change its owner, or set GRAFT_STORAGE_URL or GRAFT_DATA_DIR.",
        )
    shortage = Space.of(settings).find_shortage()
    if shortage:
        return error(shortage, "Delete datasets, jobs, versions or exports, or enlarge the disk.")
    free = find_free_bytes(root) or 0
    found = f"{settings.storage_dir}, {format_bytes(free)} of free space"
    if free < 2 * settings.storage_floor_bytes:
        floor = format_bytes(settings.storage_floor_bytes)
        return warning(found, f"Free space soon: below {floor} nothing new is accepted.")
    return ok(found)


def check_weights(settings: Settings) -> Finding:
    """Count the files of pretrained weights."""
    folders = [settings.weights_dir] if settings.weights_dir else []
    folders.append(Path(find_hub_dir()))
    missing = settings.weights_dir is not None and not settings.weights_dir.is_dir()
    if missing:
        return error(
            f"GRAFT_WEIGHTS_DIR is {settings.weights_dir}, which is no folder",
            "Make it, or correct the setting.",
        )
    number = sum(len(list(one.glob(kind))) for one in folders for kind in _WEIGHTS)
    found = f"{number} files in {' and '.join(map(str, folders))}"
    if settings.weights_download:
        return ok(f"{found}; missing ones are downloaded")
    if number == 0:
        return warning(
            f"{found}, and GRAFT_WEIGHTS_DOWNLOAD is false",
            "Provide weights (see Use weights offline); without them jobs train from scratch only.",
        )
    return ok(f"{found}; no downloads")


def check_clock(settings: Settings) -> Finding:
    """Compare this machine's clock with those of the storage and the database."""
    differences = {"the storage": _compare_storage_clock(settings.storage_dir)}
    if settings.sqlite_file is None:
        differences["the database"] = _compare_database_clock(settings.sqlalchemy_url)
    known = {name: seconds for name, seconds in differences.items() if seconds is not None}
    wrong = {name: one for name, one in known.items() if abs(one) > _MAX_CLOCK_SECONDS}
    if wrong:
        listed = ", ".join(f"{one:+.0f} s from {name}" for name, one in wrong.items())
        return warning(
            f"this machine's clock differs: {listed}",
            "Synchronize the clocks (NTP). Leases do not depend on them, times shown to people do.",
        )
    compared = f", compared with {' and '.join(known)}" if known else ""
    return ok(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC{compared}")


def _compare_storage_clock(folder: Path) -> float | None:
    try:
        with NamedTemporaryFile(dir=folder, prefix="doctor-") as file:
            return time.time() - Path(file.name).stat().st_mtime
    except OSError:
        return None


def _compare_database_clock(url: str) -> float | None:
    database = Database(url)
    try:
        with database.reading() as session:
            moment: datetime = session.scalars(select(func.clock_timestamp())).one()
            return (datetime.now(UTC) - moment).total_seconds()
    except Exception:  # noqa: BLE001 - the check of the database reports it
        return None
    finally:
        database.close()


def _is_writable(folder: Path) -> bool:
    try:
        with NamedTemporaryFile(dir=folder, prefix="doctor-"):
            return True
    except OSError:
        return False


def _first_line(problem: Exception) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0]
