"""SQL of API keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, or_, select, text, update
from sqlalchemy.orm import Session

from app.access.principal import Principal
from app.access.scopes import SCOPES
from app.db.access_tables import ApiKey


@dataclass(frozen=True)
class StoredKey:
    """What a request needs to know of a key."""

    id: str
    secret_hash: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    principal: Principal


class KeyRepository:
    """API keys, of all tenants or of one."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, key_id: str) -> StoredKey | None:
        """Return a key of any tenant, None if there is none."""
        row = self._session.get(ApiKey, key_id)
        if row is None:
            return None
        scopes = frozenset(scope for scope in SCOPES if scope in row.scopes)
        return StoredKey(
            row.id,
            row.secret_hash,
            row.expires_at,
            row.revoked_at,
            row.last_used_at,
            Principal(row.tenant, row.id, row.name, "key", scopes),
        )

    def find_row(self, tenant: str, key_id: str) -> ApiKey | None:
        """Return a tenant's key for a change, None if there is none."""
        query = select(ApiKey).where(ApiKey.tenant == tenant, ApiKey.id == key_id)
        return self._session.scalar(query.with_for_update())

    def list_keys(self, tenant: str, *, limit: int, after: str | None) -> Sequence[ApiKey]:
        """Return a tenant's keys, newest first, the revoked ones included."""
        query = select(ApiKey).where(ApiKey.tenant == tenant).order_by(ApiKey.id.desc())
        if after is not None:
            query = query.where(ApiKey.id < after)
        return self._session.scalars(query.limit(limit)).all()

    def add(self, key: ApiKey) -> None:
        self._session.add(key)
        self._session.flush()

    def lock_first(self) -> bool:
        """Return whether there has never been a key; others that ask wait for this transaction."""
        if self._session.get_bind().dialect.name == "postgresql":
            self._session.execute(text("LOCK TABLE api_key IN SHARE ROW EXCLUSIVE MODE"))
        return not self._session.scalar(select(exists().select_from(ApiKey)))

    def note_use(self, key_id: str, moment: datetime, interval: timedelta) -> None:
        """Store the time of a key's last use, unless it is newer than an interval ago."""
        is_old = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= moment - interval)
        self._session.execute(
            update(ApiKey).where(ApiKey.id == key_id, is_old).values(last_used_at=moment)
        )
