"""Sessions of the dashboard: opened by a sign-in, found by the hash of a random cookie."""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy.orm import Session

from app.access.principal import Principal
from app.access.scopes import ROLES, SCOPES, Role
from app.db.access_tables import ApiKey
from app.db.base import now
from app.db.sign_in_tables import Member, SignInSession
from app.sign_in.repository import SignInRepository


def open_session(session: Session, owner: Member | ApiKey, *, hours: float) -> str:
    """Store a session of a member or a key, and return the cookie's value: 256 random bits."""
    repository = SignInRepository(session)
    moment = now()
    repository.delete_expired(moment)
    value = secrets.token_urlsafe(32)
    expires_at = moment + timedelta(hours=hours)
    if isinstance(owner, ApiKey) and owner.expires_at is not None:
        expires_at = min(expires_at, owner.expires_at)
    repository.add(
        SignInSession(
            id=hash_cookie(value),
            tenant=owner.tenant,
            member_id=owner.id if isinstance(owner, Member) else None,
            key_id=owner.id if isinstance(owner, ApiKey) else None,
            expires_at=expires_at,
        )
    )
    return value


def find_principal(session: Session, session_id: str, moment: datetime) -> Principal | None:
    """Return whose session it is; None for one that has ended, or whose owner may not sign in."""
    repository = SignInRepository(session)
    row = repository.find_session(session_id)
    if row is None or row.expires_at <= moment:
        return None
    owner = repository.find_owner(row)
    if isinstance(owner, Member):
        return None if owner.is_disabled else principal_of(owner)
    if owner is None or owner.revoked_at is not None:
        return None
    scopes = frozenset(scope for scope in SCOPES if scope in owner.scopes)
    return Principal(owner.tenant, owner.id, owner.name, "session", scopes)


def principal_of(member: Member) -> Principal:
    """Return a member as the principal of a request."""
    role: Role = next(role for role in ROLES if role == member.role)
    return Principal(member.tenant, member.id, member.name, "session", ROLES[role])


def hash_cookie(value: str) -> str:
    """Return the id under which the session of a cookie is stored."""
    return sha256(value.encode()).hexdigest()
