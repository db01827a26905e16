"""Prepare the database and the embedded broker: `python -m app.processes.preparation`.

This runs in its own process, so that its imports take no memory later.
"""

import sqlite3

from app.db.migrate import migrate_database
from app.processes.first_key import print_first_key
from app.settings import Settings, get_settings
from app.tasks.notifications import QUEUES, CeleryNotifier


def main() -> None:
    """Upgrade the database, and create the embedded broker's file and the first API key."""
    settings = get_settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    migrate_database(settings.sqlalchemy_url)
    print_first_key(settings)
    if not settings.broker_url:
        _prepare_embedded_broker(settings)


def _prepare_embedded_broker(settings: Settings) -> None:
    """Create the broker's file in WAL mode, so that readers and writers do not block each other.

    The broker's client creates its tables with the first message. It is sent here, so that workers
    do not create them concurrently.
    """
    connection = sqlite3.connect(settings.data_dir.absolute() / "broker.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    notifier = CeleryNotifier(settings.celery_broker_url, expires_seconds=settings.notify_seconds)
    notifier.notify(QUEUES[0])
    notifier.close()


if __name__ == "__main__":
    main()
