"""Append to the audit log, in the transaction of the change."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.access.principal import current_origin, current_principal
from app.db.access_tables import AuditEvent
from app.db.base import new_id
from app.db.tenancy import owning_tenant

_MAX_NAME = 200


def record(
    session: Session,
    action: str,
    subject: str,
    *,
    tenant: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Append that the current principal has changed something.

    action is a noun and a verb such as `dataset.deleted`; subject is the id or reference of what
    was changed. tenant is by default that of the context; details are JSON, without any secret.
    """
    principal, origin = current_principal(), current_origin()
    session.add(
        AuditEvent(
            id=new_id("au"),
            tenant=tenant or owning_tenant(),
            action=action,
            subject=subject[:_MAX_NAME],
            principal_id=principal.id[:_MAX_NAME],
            principal_name=principal.name[:_MAX_NAME],
            principal_kind=principal.kind,
            details=dict(details or {}),
            request_id=origin.request_id,
            address=origin.address,
        )
    )
