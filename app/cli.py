"""The `graft` command."""

import logging

import typer

from app.db.migrate import migrate_database
from app.settings import get_settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Fine-tune and serve image classifiers.")


@app.callback()
def _configure() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    migrate_database(get_settings().sqlalchemy_url)


def main() -> None:
    """Entry point of the console script."""
    app()
