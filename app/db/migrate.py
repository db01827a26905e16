"""Upgrade a database to the newest schema, or take it back to an earlier one."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

import migrations
from app.db.session import Database
from app.errors import Unavailable


def migrate_database(url: str) -> None:
    """Run all pending migrations."""
    command.upgrade(alembic_config(url), "head")


def list_revisions() -> list[str]:
    """Return the names of all migrations, the first one first."""
    scripts = ScriptDirectory.from_config(alembic_config(""))
    return [script.revision for script in scripts.walk_revisions()][::-1]


def downgrade_database(url: str, revision: str) -> None:
    """Take a database back to an earlier schema; deletes the tables and columns added since."""
    command.downgrade(alembic_config(url), revision)


def find_revision(url: str) -> str | None:
    """Return the name of the newest migration that a database has had; None if it is empty.

    Raises Unavailable if the database cannot be opened.
    """
    database = Database(url)
    try:
        with database.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as error:
        raise Unavailable(f"The database cannot be opened: {error}".splitlines()[0]) from error
    finally:
        database.close()


def alembic_config(url: str) -> Config:
    """Return Alembic's configuration, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    return config
