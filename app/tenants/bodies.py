"""Refuse a body for which its tenant has no room before it is read."""

from fastapi import Request

from app.tenants.service import require_room
from app.web.dependencies import Services


def require_room_for_body(services: Services, request: Request) -> None:
    """Raise QuotaExceeded if the tenant may not store as much as the request declares."""
    declared = request.headers.get("content-length", "0")
    num_bytes = int(declared) if declared.isdigit() else 0
    with services.database.reading() as session:
        require_room(session, services.settings, num_bytes)
