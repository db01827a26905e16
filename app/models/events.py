"""Append to and read the event log, which records every change in the same transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access import audit
from app.db.base import new_id
from app.db.tables import RegistryEvent
from app.models.event_schemas import EventType, RegistryEventDetail
from app.web.schemas import Page, make_page

ALIAS_CHANGES: tuple[EventType, ...] = ("alias_moved", "forced", "rolled_back", "alias_deleted")
"""Types of the events that change an alias."""


_NOT_AUDITED: frozenset[EventType] = frozenset({"registered", "metadata_set"})
"""Events that change neither what is served nor who decides about it."""


def append(  # noqa: PLR0913 - one keyword for each column
    session: Session,
    name: str,
    type_: EventType,
    *,
    version: int | None = None,
    alias: str | None = None,
    from_version: int | None = None,
    payload: Mapping[str, Any] | None = None,
) -> None:
    """Append an event of a model, whose row the transaction has locked; most are audited, too."""
    event = RegistryEvent(
        id=new_id("ev"),
        name=name,
        type=type_,
        version=version,
        alias=alias,
        from_version=from_version,
        payload=dict(payload or {}),
    )
    session.add(event)
    if type_ not in _NOT_AUDITED:
        facts = {"version": version, "from_version": from_version, **event.payload}
        details = {key: value for key, value in facts.items() if value is not None}
        subject = f"{name}@{alias}" if alias else f"{name}:{version}" if version else name
        audit.record(session, f"model.{type_}", subject, details=details)
    session.flush()


def append_classes_changed(  # noqa: PLR0913, PLR0917 - both versions with their classes
    session: Session,
    name: str,
    version: int,
    from_version: int,
    before: Sequence[str],
    after: Sequence[str],
) -> None:
    """Append that a version has other classes, or another order of them, than the one before."""
    payload = {
        "added": [one for one in after if one not in before],
        "removed": [one for one in before if one not in after],
    }
    append(
        session,
        name,
        "classes_changed",
        version=version,
        from_version=from_version,
        payload=payload,
    )


def find_last_alias_change(session: Session, name: str, alias: str) -> RegistryEvent | None:
    """Return the last event that changed the alias."""
    return session.scalar(
        select(RegistryEvent)
        .where(
            RegistryEvent.name == name,
            RegistryEvent.alias == alias,
            RegistryEvent.type.in_(ALIAS_CHANGES),
        )
        .order_by(RegistryEvent.id.desc())
        .limit(1)
    )


def list_events(
    session: Session, name: str, *, limit: int, after: str | None
) -> Page[RegistryEventDetail]:
    """Return a page of a model's events, newest first."""
    query = (
        select(RegistryEvent)
        .where(RegistryEvent.name == name)
        .order_by(RegistryEvent.id.desc())
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(RegistryEvent.id < after)
    rows = session.scalars(query).all()
    data = [RegistryEventDetail.model_validate(row) for row in rows[:limit]]
    return make_page(data, lambda event: event.id, has_more=len(rows) > limit)
