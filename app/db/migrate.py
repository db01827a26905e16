"""Upgrade a database to the newest schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config

import migrations


def migrate_database(url: str) -> None:
    """Run all pending migrations."""
    command.upgrade(alembic_config(url), "head")


def alembic_config(url: str) -> Config:
    """Return Alembic's configuration, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    return config
