"""Alembic's environment: migrate a database under a lock, so that two starts do not collide."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import JSON, text

from app.db import (  # noqa: F401 - tables register themselves with the base
    access_tables,
    lookups,
    serving_tables,
    sign_in_tables,
    study_tables,
    tables,
    tenant_table,
    upload_table,
    worker_table,
)
from app.db.base import Base, UtcDateTime
from app.db.session import Database

LOCK_NUMBER = 0x67726166  # "graf": a constant that nothing else in the database uses as a lock


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Render the project's column types in generated migrations."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JSON):
        autogen.imports.add("from app.db.base import Json")
        return "Json"
    return False


database = Database(context.config.attributes["url"])
with database.engine.execution_options(writes=True).connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_item,
        compare_type=True,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK_NUMBER})"))
        context.run_migrations()
database.close()
