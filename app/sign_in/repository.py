"""SQL of members and sessions."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.db.access_tables import ApiKey
from app.db.sign_in_tables import Member, SignInSession


class SignInRepository:
    """Members and sessions, of the tenant of the context."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find_member(self, member_id: str) -> Member | None:
        query = select(Member).where(Member.id == member_id)
        return self._session.scalar(query.with_for_update())

    def find_subject(self, tenant: str, subject: str) -> Member | None:
        """Return the member whom the provider calls by this subject."""
        query = select(Member).where(Member.tenant == tenant, Member.subject == subject)
        return self._session.scalar(query)

    def list_members(self, *, limit: int, after: str | None) -> Sequence[Member]:
        """Return members, those who signed in last for the first time first."""
        query = select(Member).order_by(Member.id.desc())
        if after is not None:
            query = query.where(Member.id < after)
        return self._session.scalars(query.limit(limit)).all()

    def find_session(self, session_id: str) -> SignInSession | None:
        return self._session.get(SignInSession, session_id)

    def find_owner(self, row: SignInSession) -> Member | ApiKey | None:
        """Return whose session it is."""
        if row.member_id is not None:
            return self._session.get(Member, row.member_id)
        return self._session.get(ApiKey, row.key_id) if row.key_id is not None else None

    def add(self, row: Member | SignInSession) -> None:
        self._session.add(row)
        self._session.flush()

    def delete_session(self, session_id: str) -> None:
        self._session.execute(delete(SignInSession).where(SignInSession.id == session_id))

    def delete_sessions_of(self, member_id: str) -> None:
        self._session.execute(delete(SignInSession).where(SignInSession.member_id == member_id))

    def delete_expired(self, moment: datetime) -> None:
        self._session.execute(delete(SignInSession).where(SignInSession.expires_at <= moment))
