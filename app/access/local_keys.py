"""Create keys without the API, for whoever can reach the database."""

import re
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.access.principal import OPERATOR, Origin, acting_as
from app.access.service import add_key, create_first_key
from app.db.migrate import find_revision
from app.db.session import Database
from app.errors import InputError, Unavailable
from app.settings import Settings
from app.tenants.service import require_tenant
from app.web.schemas import NAME_PATTERN

_MAX_NAME = 100

ResultT = TypeVar("ResultT")


def create_local_admin_key(settings: Settings, *, name: str, tenant: str) -> str:
    """Create an admin key of a tenant and return its text.

    Raises InputError for a name or a tenant that is not allowed, NotFound for a tenant that has not
    been created, and Unavailable if the database cannot be opened or lacks the table.
    """
    if not re.fullmatch(NAME_PATTERN, tenant):
        raise InputError(
            f"The tenant is '{tenant}'; it must be lower-case letters, digits, '.', '_' and '-', "
            "at most 63."
        )
    if not name.isprintable() or not 1 <= len(name) <= _MAX_NAME:
        raise InputError(f"The name is {name!r}; it must have 1 to {_MAX_NAME} printable letters.")

    def create(session: Session) -> str:
        require_tenant(session, tenant)
        return str(add_key(session, name, ["admin"], tenant=tenant)[1])

    return _in_database(settings, create)


def create_local_first_key(settings: Settings) -> str | None:
    """Create the first admin key and return its text; None if there has ever been a key.

    Raises Unavailable if the database cannot be opened or lacks the table.
    """
    key = _in_database(settings, create_first_key)
    return str(key) if key else None


def _in_database(settings: Settings, change: Callable[[Session], ResultT]) -> ResultT:
    if find_revision(settings.sqlalchemy_url) is None:
        raise Unavailable("The database is empty; run `graft migrate` first.")
    database = Database(settings.sqlalchemy_url)
    try:
        with acting_as(OPERATOR, Origin()), database.transaction() as session:
            return change(session)
    except SQLAlchemyError as error:
        reason = str(error).partition("\n")[0]
        raise Unavailable(
            f"The key cannot be stored: {reason}. Run `graft migrate` if the database is older."
        ) from error
    finally:
        database.close()
