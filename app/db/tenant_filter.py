"""Let a session see and write only the rows of the current tenant, in one place for all queries.

Every ORM statement gets the condition `tenant = …` for each table of tenants' rows, loads of
relationships, single columns and by key included. A statement that would read or write such a table
without the condition does not run. On PostgreSQL policies repeat it (`migrations`, revision 0010).
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.orm import (
    LoaderCriteriaOption,
    ORMExecuteState,
    Session,
    UOWTransaction,
    with_loader_criteria,
)

from app.db.base import Base
from app.db.tenancy import EVERY_TENANT, current_tenant, is_visible
from app.db.tenant_rows import TenantRow

_SET_TENANT = text("SELECT set_config('graft.tenant', :tenant, true)")

_FROM = re.compile(r"(?<!DELETE )\b(?:FROM|JOIN|USING)\s+")
_NAME = re.compile(r'"?(\w+)"?(?![\w."(])(?:\s+AS\s+"?(\w+)"?)?(,\s*)?')


class ForeignTenantError(Exception):
    """Code tried to write the row of another tenant than the one that it acts for."""


class UnfilteredStatementError(Exception):
    """A statement reads or writes rows of tenants without a condition on the tenant."""


class TenantSession(Session):
    """A session that finds only the rows of the current tenant, those it has loaded included."""

    def get(self, *args: Any, **options: Any) -> Any:
        """Return the row with a key; None if another tenant has it."""
        found = super().get(*args, **options)
        return None if isinstance(found, TenantRow) and not is_visible(found.tenant) else found


@event.listens_for(TenantSession, "do_orm_execute")
def _filter_by_tenant(state: ORMExecuteState) -> None:
    tenant = current_tenant()
    if tenant == EVERY_TENANT:
        return
    if state.is_insert:
        _refuse_foreign_values(state, tenant)
    elif not state.is_orm_statement:
        _refuse_change_of_tenants_table(state)
    elif state.is_column_load:  # SQLAlchemy applies no loader criteria to these
        entity: type[Any] = state.bind_mapper.class_ if state.bind_mapper else Base
        if issubclass(entity, TenantRow):
            state.statement = state.statement.where(entity.tenant == tenant)  # type: ignore[attr-defined]
    else:
        state.statement = state.statement.options(_only(tenant))


@event.listens_for(TenantSession, "before_flush")
def _refuse_foreign_rows(session: Session, _context: UOWTransaction, _instances: Any) -> None:
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, TenantRow) and not is_visible(row.tenant):
            raise ForeignTenantError(
                f"a {type(row).__name__} of the tenant {row.tenant} while acting for "
                f"{current_tenant()}"
            )


def announce_tenant(connection: Connection) -> None:
    """Tell PostgreSQL's policies the tenant of this transaction, for the engine's event `begin`."""
    connection.execute(_SET_TENANT, {"tenant": current_tenant()})


def require_filter(
    _connection: Any, _cursor: Any, statement: str, _parameters: Any, _context: Any, _many: Any
) -> None:
    """Refuse a statement that reads rows of tenants without the condition on the tenant.

    A listener of the engine's event `before_cursor_execute`. Raises UnfilteredStatementError.
    """
    if current_tenant() != EVERY_TENANT and (unfiltered := find_unfiltered(statement)):
        raise UnfilteredStatementError(f"{', '.join(unfiltered)} in: {statement}")


@lru_cache(maxsize=4096)
def find_unfiltered(statement: str) -> tuple[str, ...]:
    """Return the names under which an SQL statement reads tenants' tables without the condition."""
    return tuple(
        name
        for table, name in _list_tables(statement)
        if table in _tables() and not re.search(rf'(?<![\w.])"?{name}"?\.tenant = ', statement)
    )


def _list_tables(statement: str) -> Iterator[tuple[str, str]]:
    """Yield (table, its alias or itself) for every table that a statement reads."""
    for start in _FROM.finditer(statement):
        position: int | None = start.end()
        while position is not None and (found := _NAME.match(statement, position)):
            yield found[1], found[2] or found[1]
            position = found.end() if found[3] else None


@lru_cache(maxsize=1)
def _tables() -> frozenset[str]:
    return frozenset(
        str(mapper.local_table.description)
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, TenantRow)
    )


@lru_cache(maxsize=1024)
def _only(tenant: str) -> LoaderCriteriaOption:
    return with_loader_criteria(TenantRow, lambda row: row.tenant == tenant, include_aliases=True)


def _refuse_foreign_values(state: ORMExecuteState, tenant: str) -> None:
    given: Any = state.parameters
    for row in given if isinstance(given, list) else [given or {}]:
        if row.get("tenant", tenant) != tenant:
            raise ForeignTenantError(f"an INSERT for {row['tenant']} while acting for {tenant}")


def _refuse_change_of_tenants_table(state: ORMExecuteState) -> None:
    """Refuse an UPDATE or DELETE of a table, which gets no condition, instead of its class."""
    if (state.is_update or state.is_delete) and state.statement.table.name in _tables():  # type: ignore[attr-defined]
        raise UnfilteredStatementError(str(state.statement))
