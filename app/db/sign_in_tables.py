"""The tables of people who sign in: members and their sessions."""

from datetime import datetime

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, UtcDateTime, now
from app.db.tables import ID
from app.db.tenant_rows import TenantRow


class Member(TenantRow, Base):
    """A person who has signed in by the OpenID provider.

    subject is the provider's name of the person, which never changes. has_provider_role says that
    the provider's groups decide the role at every sign-in.
    """

    __tablename__ = "member"
    __table_args__ = (UniqueConstraint("tenant", "subject"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    subject: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str | None] = mapped_column(String(320))
    role: Mapped[str] = mapped_column(String(16))
    has_provider_role: Mapped[bool]
    is_disabled: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class SignInSession(TenantRow, Base):
    """A session of the dashboard, of a member or of an API key.

    id is the sha256 of the cookie's value, so that the table opens no session.
    """

    __tablename__ = "sign_in_session"
    __table_args__ = (
        Index("ix_sign_in_session_expires_at", "expires_at"),
        Index("ix_sign_in_session_member_id", "member_id"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    member_id: Mapped[str | None] = mapped_column(ID)
    key_id: Mapped[str | None] = mapped_column(ID)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
