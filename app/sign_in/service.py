"""Sign people in, and manage the members of a tenant."""

from sqlalchemy.orm import Session

from app.access import audit
from app.access.principal import Principal, acting_as, current_origin, current_principal
from app.access.scopes import ROLES, Role
from app.db.base import new_id, now
from app.db.sign_in_tables import Member
from app.errors import Conflict, Forbidden, NotFound
from app.settings import Settings
from app.sign_in.claims import Person
from app.sign_in.repository import SignInRepository
from app.sign_in.schemas import ChangeMember, MemberDetail
from app.sign_in.sessions import principal_of
from app.tenants.service import has_tenant, require_tenant
from app.web.schemas import Page, make_page


def record_member(session: Session, person: Person, settings: Settings) -> Member:
    """Store that a person signs in, and return the member.

    Raises Forbidden for a person without a role, for a disabled member, and for a tenant that does
    not exist.
    """
    try:
        require_tenant(session, person.tenant)
    except NotFound as error:
        raise Forbidden(f"'{person.name}' cannot sign in. {error.message}") from error
    repository = SignInRepository(session)
    row = repository.find_subject(person.tenant, person.subject)
    role = _choose_role(row, person, settings)
    if role is None:
        raise Forbidden(
            f"'{person.name}' has no role here. Ask an administrator to put you into a group of "
            "GRAFT_OIDC_ROLES."
        )
    if row is None:
        row = Member(
            id=new_id("mem"),
            tenant=person.tenant,
            subject=person.subject,
            name=person.name,
            email=person.email,
            role=role,
            has_provider_role=person.role is not None,
        )
        repository.add(row)
        with acting_as(principal_of(row), current_origin()):
            audit.record(session, "member.added", row.id, details={"role": role})
    if row.is_disabled:
        raise Forbidden(f"An administrator has disabled '{person.name}'.")
    row.name, row.email, row.role = person.name, person.email, role
    row.has_provider_role = person.role is not None
    row.last_seen_at = now()
    return row


def find_principal(session: Session, person: Person, settings: Settings) -> Principal | None:
    """Return what a person may do who sends a token; None if nothing, as in an unknown tenant.

    The token's own scopes count, if it names some; otherwise the person's role does.
    """
    if not has_tenant(session, person.tenant):
        return None
    row = SignInRepository(session).find_subject(person.tenant, person.subject)
    if row is not None and row.is_disabled:
        return None
    role = _choose_role(row, person, settings)
    scopes = person.scopes or (ROLES[role] if role else None)
    if scopes is None:
        return None
    return Principal(person.tenant, row.id if row else person.subject, person.name, "token", scopes)


def _choose_role(row: Member | None, person: Person, settings: Settings) -> Role | None:
    """The provider's groups decide; without one, what an administrator chose; else the default."""
    if person.role is not None:
        return person.role
    if row is not None and not row.has_provider_role:
        return next(role for role in ROLES if role == row.role)
    return settings.oidc_default_role or None


def list_members(session: Session, *, limit: int, after: str | None) -> Page[MemberDetail]:
    """Return a page of the tenant's members, the newest first."""
    rows = SignInRepository(session).list_members(limit=limit + 1, after=after)
    return make_page(
        [view_member(row) for row in rows[:limit]],
        lambda member: member.id,
        has_more=len(rows) > limit,
    )


def change_member(session: Session, member_id: str, change: ChangeMember) -> MemberDetail:
    """Change a member's role, or whether they may sign in.

    Raises NotFound; Conflict for a role that the provider's groups decide, and for administrators
    who would take their own administration away.
    """
    repository = SignInRepository(session)
    row = repository.find_member(member_id)
    if row is None:
        raise NotFound(f"There is no member '{member_id}'.")
    if change.role is not None and change.role != row.role:
        if row.has_provider_role:
            raise Conflict(
                f"The provider's groups decide the role of '{row.name}'. Change their groups there."
            )
        row.role = change.role
    if change.is_disabled is not None:
        row.is_disabled = change.is_disabled
    session.flush()
    if row.id == current_principal().id and (row.is_disabled or row.role != "admin"):
        raise Conflict("You cannot take your own administration away; another administrator can.")
    if row.is_disabled:
        repository.delete_sessions_of(row.id)
    details = change.model_dump(exclude_none=True)
    audit.record(session, "member.changed", row.id, tenant=row.tenant, details=details)
    return view_member(row)


def view_member(row: Member) -> MemberDetail:
    """Return a member as the API shows them."""
    return MemberDetail.model_validate(
        {name: getattr(row, name) for name in MemberDetail.model_fields}
    )
