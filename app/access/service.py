"""Create, list and revoke API keys."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.access import audit
from app.access.key_text import KeyText, hash_secret, make_key
from app.access.principal import Principal, current_principal
from app.access.repository import KeyRepository
from app.access.schemas import CreatedKey, CreateKey, KeyDetail, WhoAmI, status_of
from app.access.scopes import SCOPES, Scope, sort_scopes
from app.db.access_tables import ApiKey
from app.db.base import now
from app.db.tenancy import DEFAULT_TENANT
from app.errors import Forbidden, InputProblem, NotFound, ValidationFailed
from app.tenants.service import require_tenant
from app.web.schemas import Page, make_page

FIRST_KEY_NAME = "first admin key"


def create_key(session: Session, request: CreateKey) -> CreatedKey:
    """Create a key in the tenant of the current principal.

    Raises Forbidden for scopes that the principal does not have itself, ValidationFailed for a time
    of expiry that has passed, and NotFound if the principal's tenant does not exist.
    """
    principal = current_principal()
    require_tenant(session, principal.tenant)
    missing = [scope for scope in request.granted if not principal.may(scope)]
    if missing:
        raise Forbidden(
            f"'{principal.name}' cannot give a key the scope {' and '.join(missing)}, because it "
            "does not have it.",
            scopes=missing,
        )
    if request.expires_at is not None and request.expires_at <= now():
        message = (
            f"`expires_at` is {request.expires_at.isoformat()}; it must be in the future. Leave it "
            "out for a key that does not expire."
        )
        raise ValidationFailed(InputProblem(("body", "expires_at"), message))
    row, text = add_key(
        session,
        request.name,
        request.granted,
        tenant=principal.tenant,
        expires_at=request.expires_at,
    )
    return CreatedKey(**dict(view_key(row)), key=str(text))


def add_key(
    session: Session,
    name: str,
    scopes: list[Scope],
    *,
    tenant: str,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, KeyText]:
    """Store a new key, and return its row and its text."""
    text = make_key()
    row = ApiKey(
        id=text.id,
        tenant=tenant,
        name=name,
        scopes=list(scopes),
        secret_hash=hash_secret(text.secret),
        created_by=current_principal().id,
        expires_at=expires_at,
    )
    KeyRepository(session).add(row)
    details = {
        "name": name,
        "scopes": list(scopes),
        "expires_at": expires_at.isoformat() if expires_at else None,
    }
    audit.record(session, "key.created", row.id, tenant=tenant, details=details)
    return row, text


def create_first_key(session: Session) -> KeyText | None:
    """Create an admin key of the default tenant if there has never been a key, else return None.

    Several processes may call it at once; one of them gets the key.
    """
    if not KeyRepository(session).lock_first():
        return None
    _, text = add_key(session, FIRST_KEY_NAME, ["admin"], tenant=DEFAULT_TENANT)
    return text


def list_keys(session: Session, *, limit: int, after: str | None) -> Page[KeyDetail]:
    """Return a page of the tenant's keys, newest first."""
    tenant = current_principal().tenant
    rows = KeyRepository(session).list_keys(tenant, limit=limit + 1, after=after)
    return make_page(
        [view_key(row) for row in rows[:limit]], lambda key: key.id, has_more=len(rows) > limit
    )


def revoke_key(session: Session, key_id: str) -> None:
    """Revoke a key of the tenant; a second time changes nothing. Raises NotFound."""
    row = KeyRepository(session).find_row(current_principal().tenant, key_id)
    if row is None:
        raise NotFound(f"There is no key '{key_id}'.")
    if row.revoked_at is None:
        row.revoked_at = now()
        audit.record(session, "key.revoked", row.id, tenant=row.tenant, details={"name": row.name})


def describe_principal(principal: Principal, *, is_on: bool) -> WhoAmI:
    """Return who a principal is and what it may do."""
    return WhoAmI(
        id=principal.id,
        name=principal.name,
        kind=principal.kind,
        tenant=principal.tenant,
        scopes=sort_scopes(scope for scope in SCOPES if principal.may(scope)),
        access_control=is_on,
    )


def view_key(row: ApiKey) -> KeyDetail:
    """Return a key as the API shows it."""
    return KeyDetail.model_validate(
        {
            "id": row.id,
            "name": row.name,
            "tenant": row.tenant,
            "scopes": row.scopes,
            "status": status_of(row.revoked_at, row.expires_at, now()),
            "created_by": row.created_by,
            "created_at": row.created_at,
            "expires_at": row.expires_at,
            "last_used_at": row.last_used_at,
            "revoked_at": row.revoked_at,
        }
    )
