"""Prepare what a service on one machine stands on: `python -m app.processes.preparation`.

A process of its own, so that what it imports takes no memory later.
"""

import sqlite3

from app.db.migrate import migrate_database
from app.settings import Settings, get_settings
from app.tasks.notifications import QUEUES, CeleryNotifier


def main() -> None:
    """Bring the database to the newest schema, and make the embedded broker's file."""
    settings = get_settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    migrate_database(settings.sqlalchemy_url)
    if not settings.broker_url:
        _prepare_embedded_broker(settings)


def _prepare_embedded_broker(settings: Settings) -> None:
    """Create the broker's file in WAL mode, so that its readers and writers do not block.

    The broker's client creates its tables with the first message: sent here, so that no two workers
    create them at the same time.
    """
    connection = sqlite3.connect(settings.data_dir.absolute() / "broker.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    queue = CeleryNotifier(settings.celery_broker_url, expires_seconds=settings.notify_seconds)
    queue.notify(QUEUES[0])
    queue.close()


if __name__ == "__main__":
    main()
