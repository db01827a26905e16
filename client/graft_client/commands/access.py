"""Manage API keys and members, and read the audit log."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from graft_client.console import views
from graft_client.console.options import DEFAULT_LIMIT, Limit
from graft_client.console.reporting import refuse
from graft_client.console.session import Session, uses_service

if TYPE_CHECKING:
    from graft_client.options import AuditFilters

app = typer.Typer()
keys_app = typer.Typer(no_args_is_help=True, help="Create, list or revoke API keys.")
app.add_typer(keys_app, name="keys")
members_app = typer.Typer(
    no_args_is_help=True, help="List people who sign in, change their role, or disable them."
)
app.add_typer(members_app, name="members")

_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]

MemberId = Annotated[str, typer.Argument(metavar="ID", help="Id of the member.")]
Since = Annotated[
    datetime | None, typer.Option(formats=_TIMES, help="Only from this time on, in UTC.")
]
Until = Annotated[datetime | None, typer.Option(formats=_TIMES, help="Only before this time.")]


@keys_app.command()
@uses_service
def create(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name for people.")],
    *,
    role: Annotated[
        Literal["viewer", "trainer", "admin"] | None,
        typer.Option(help="A set of scopes: to read and predict, to change, or for everything."),
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="A scope such as `predict` or `jobs:read`; repeatable."),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, help="Days until it expires; without it, never.")
    ] = None,
) -> None:
    """Create an API key, and print it once."""
    if (role is None) == (not scope):
        refuse("Give either --role or --scope.")
    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    with session.connect() as graft:
        created = graft.keys.create(name, role=role, scopes=scope, expires_at=expires_at)
    session.show(created, lambda: views.access.created_key_parts(created))


@keys_app.command("list")
@uses_service
def list_keys(session: Session, *, limit: Limit = DEFAULT_LIMIT) -> None:
    """List API keys, newest first, without their secrets."""
    with session.connect() as graft:
        found = graft.keys.list().take(limit)
    session.show(found, lambda: [views.access.keys_table(found)])


@keys_app.command()
@uses_service
def revoke(
    session: Session, key_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the key.")]
) -> None:
    """Revoke an API key; within 30 s nothing accepts it."""
    with session.connect() as graft:
        graft.keys.revoke(key_id)
    session.show_values({"revoked": key_id}, f"{key_id} is revoked; it ends within 30 s.")


@members_app.command("list")
@uses_service
def list_members(session: Session, *, limit: Limit = DEFAULT_LIMIT) -> None:
    """List the people who sign in, the newest first."""
    with session.connect() as graft:
        found = graft.members.list().take(limit)
    session.show(found, lambda: [views.access.members_table(found)])


@members_app.command("set-role")
@uses_service
def set_role(
    session: Session,
    member_id: MemberId,
    role: Annotated[
        Literal["viewer", "trainer", "admin"], typer.Argument(metavar="ROLE", help="The new role.")
    ],
) -> None:
    """Change a member's role, unless the provider's groups decide it."""
    with session.connect() as graft:
        changed = graft.members.change(member_id, role=role)
    session.show(changed, lambda: [views.access.members_table([changed])])


@members_app.command()
@uses_service
def disable(session: Session, member_id: MemberId) -> None:
    """Keep a member from signing in; their sessions end within 30 s."""
    with session.connect() as graft:
        changed = graft.members.change(member_id, is_disabled=True)
    session.show(changed, lambda: [views.access.members_table([changed])])


@members_app.command()
@uses_service
def enable(session: Session, member_id: MemberId) -> None:
    """Let a disabled member sign in again."""
    with session.connect() as graft:
        changed = graft.members.change(member_id, is_disabled=False)
    session.show(changed, lambda: [views.access.members_table([changed])])


@app.command()
@uses_service
def whoami(session: Session) -> None:
    """Show whose API key this is, and what it may do."""
    with session.connect() as graft:
        found = graft.whoami()
    session.show(found, lambda: views.access.whoami_parts(found))


@app.command()
@uses_service
def audit(  # noqa: PLR0913 - the filters of the list
    session: Session,
    *,
    action: Annotated[
        str | None, typer.Option(help="Only this action, such as `model.alias_moved`.")
    ] = None,
    subject: Annotated[str | None, typer.Option(help="Only what was done to this.")] = None,
    principal: Annotated[
        str | None, typer.Option(help="Only what this key, session or token did.")
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = DEFAULT_LIMIT,
    output: Annotated[
        Path | None,
        typer.Option(help="Save all entries in this file; its name ends in .csv or .jsonl."),
    ] = None,
) -> None:
    """List who promoted, deleted or changed what, newest first."""
    filters: AuditFilters = {
        "action": action,
        "subject": subject,
        "principal_id": principal,
        "since": since.replace(tzinfo=UTC) if since else None,
        "until": until.replace(tzinfo=UTC) if until else None,
    }
    if output is not None:
        if output.suffix not in {".csv", ".jsonl"}:
            refuse(f"--output is '{output}'; its name must end in .csv or .jsonl.")
        with session.connect() as graft:
            graft.export_audit_log(output, **filters)
        session.show_values({"file": str(output)}, f"Saved the audit log in {output}.")
        return
    with session.connect() as graft:
        found = graft.audit_log(**filters).take(limit)
    session.show(found, lambda: [views.access.audit_table(found)])
