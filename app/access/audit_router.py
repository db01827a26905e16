"""HTTP route of the audit log."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from app.access import audit_log
from app.access.audit_log import AuditFilter
from app.access.audit_schemas import AuditEntry, AuditFormat
from app.access.principal import current_principal
from app.web.dependencies import DatabaseDep, PageDep
from app.web.schemas import Page

router = APIRouter(tags=["access"])

_NO_NUL = r"^[^\x00]*$"
_EXPORTS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/x-ndjson": {"schema": {"type": "string"}},
        }
    }
}


def _text(description: str, example: str) -> Any:
    return Query(max_length=200, pattern=_NO_NUL, description=description, examples=[example])


@router.get(
    "/audit",
    summary="List the audit log",
    response_model=Page[AuditEntry],
    responses=_EXPORTS,
)
def list_audit_log(  # noqa: PLR0913, PLR0917 - one parameter for each filter
    database: DatabaseDep,
    page: PageDep,
    format: Annotated[  # noqa: A002 - as in the other routes
        AuditFormat,
        Query(
            description="`csv` and `jsonl` have all entries that match, whatever `limit` and "
            "`after` are."
        ),
    ] = "json",
    action: Annotated[str | None, _text("Only this action.", "model.alias_moved")] = None,
    subject: Annotated[
        str | None, _text("Only what was done to this.", "ants-and-bees@champion")
    ] = None,
    principal_id: Annotated[
        str | None, _text("Only what this principal did.", "key_01k0w1rhzemcbybsywa1w8p9")
    ] = None,
    since: Annotated[
        AwareDatetime | None,
        Query(description="Only from this time on.", examples=["2026-11-01T00:00:00Z"]),
    ] = None,
    until: Annotated[
        AwareDatetime | None,
        Query(description="Only before this time.", examples=["2026-12-01T00:00:00Z"]),
    ] = None,
) -> Page[AuditEntry] | Response:
    """Return who promoted, deleted or changed what in the sender's tenant, newest first."""
    wanted = AuditFilter(current_principal().tenant, action, subject, principal_id, since, until)
    if format == "csv":
        lines = audit_log.export_csv(database, wanted)
        return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=_name("csv"))
    if format == "jsonl":
        lines = audit_log.export_jsonl(database, wanted)
        return StreamingResponse(lines, media_type="application/x-ndjson", headers=_name("jsonl"))
    with database.reading() as session:
        return audit_log.list_entries(session, wanted, limit=page.limit, after=page.after)


def _name(suffix: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="audit.{suffix}"'}
