"""Read the audit log of a tenant."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.audit_schemas import AuditEntry
from app.db.access_tables import AuditEvent
from app.db.session import Database
from app.web.schemas import Page, make_page

_EXPORT_PAGE = 1000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters of texts that spreadsheets run (OWASP, "CSV Injection")."""


@dataclass(frozen=True)
class AuditFilter:
    """Which entries of a tenant to list; None for any."""

    tenant: str
    action: str | None = None
    subject: str | None = None
    principal_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_entries(
    session: Session, wanted: AuditFilter, *, limit: int, after: str | None
) -> Page[AuditEntry]:
    """Return a page of entries, newest first."""
    rows = _list_rows(session, wanted, limit=limit + 1, after=after)
    entries = [AuditEntry.model_validate(row) for row in rows[:limit]]
    return make_page(entries, lambda entry: entry.id, has_more=len(rows) > limit)


def export_jsonl(database: Database, wanted: AuditFilter) -> Iterator[str]:
    """Yield all entries as lines of JSON, newest first."""
    for page in _export(database, wanted):
        yield "".join(f"{entry.model_dump_json()}\n" for entry in page)


def export_csv(database: Database, wanted: AuditFilter) -> Iterator[str]:
    """Yield all entries as CSV (RFC 4180) with a heading, newest first; details are JSON."""
    yield _write_csv([list(AuditEntry.model_fields)])
    for page in _export(database, wanted):
        yield _write_csv(
            [_cell(value) for value in entry.model_dump(mode="json").values()] for entry in page
        )


def _export(database: Database, wanted: AuditFilter) -> Iterator[list[AuditEntry]]:
    """Yield pages, each of a transaction of its own, because a reader may be slow."""
    after: str | None = None
    while True:
        with database.reading() as session:
            page = list_entries(session, wanted, limit=_EXPORT_PAGE, after=after)
        if page.data:
            yield page.data
        if not page.has_more:
            return
        after = page.last_id


def _list_rows(
    session: Session, wanted: AuditFilter, *, limit: int, after: str | None
) -> Sequence[AuditEvent]:
    query = select(AuditEvent).where(AuditEvent.tenant == wanted.tenant)
    for column, value in (
        (AuditEvent.action, wanted.action),
        (AuditEvent.subject, wanted.subject),
        (AuditEvent.principal_id, wanted.principal_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.since is not None:
        query = query.where(AuditEvent.created_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(AuditEvent.created_at < wanted.until)
    if after is not None:
        query = query.where(AuditEvent.id < after)
    return session.scalars(query.order_by(AuditEvent.id.desc()).limit(limit)).all()


def _write_csv(rows: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
