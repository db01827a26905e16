"""Bringing a database to the newest schema, from code or from the command line."""

from pathlib import Path

from alembic import command
from alembic.config import Config

import migrations


def migrate_database(url: str) -> None:
    """Run all migrations that are missing."""
    command.upgrade(alembic_config(url), "head")


def alembic_config(url: str) -> Config:
    """Alembic's configuration without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    return config
