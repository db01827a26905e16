"""The tables of access control: API keys and the audit log."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Json, UtcDateTime, now
from app.db.tables import ID
from app.db.tenant_rows import TenantRow


class ApiKey(TenantRow, Base):
    """An API key; a revoked one stays, because the audit log names it.

    secret_hash is the sha256 of its secret (`app.access.key_text`). last_used_at is at most a
    minute old.
    """

    __tablename__ = "api_key"
    __table_args__ = (Index("ix_api_key_tenant", "tenant", "id"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[list[str]] = mapped_column(Json)
    secret_hash: Mapped[str] = mapped_column(String(64))
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AuditEvent(TenantRow, Base):
    """An entry of the audit log: who changed what, when and from where; never changed.

    subject is what was changed, such as `ants-and-bees:3` or a job's id. request_id and address are
    null for what the service did by itself and for the operator's commands.
    """

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("ix_audit_event_tenant", "tenant", "id"),
        Index("ix_audit_event_action", "tenant", "action", "id"),
        Index("ix_audit_event_subject", "tenant", "subject", "id"),
        Index("ix_audit_event_principal_id", "tenant", "principal_id", "id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(200))
    principal_id: Mapped[str] = mapped_column(String(200))
    principal_name: Mapped[str] = mapped_column(String(200))
    principal_kind: Mapped[str] = mapped_column(String(16))
    details: Mapped[dict[str, Any]] = mapped_column(Json)
    request_id: Mapped[str | None] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
