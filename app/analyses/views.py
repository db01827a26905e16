"""What those who ask are answered before a worker has."""

from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from app.db.tables import Inquiry
from app.web.schemas import ApiModel

RETRY_AFTER_SECONDS = 1


class Pending(ApiModel):
    """A question that a worker has yet to answer."""

    id: str = Field(description="The inquiry.", examples=["inq_01k0w1rhzemcbybsywa1w8p9"])
    kind: str = Field(description="What is asked.", examples=["advise"])
    status: str = Field(description="`waiting`.", examples=["waiting"])


PENDING_RESPONSE: dict[int | str, dict[str, Any]] = {
    202: {
        "model": Pending,
        "description": "Not answered yet; look at `Location` after `Retry-After` seconds.",
    }
}


def answer_pending(
    inquiry: Inquiry, *, location: str, body: BaseModel | None = None
) -> JSONResponse:
    """202: where and when to look again, and what is known so far."""
    known = body or Pending(id=inquiry.id, kind=inquiry.kind, status=inquiry.status)
    return JSONResponse(
        known.model_dump(mode="json"),
        status_code=202,
        headers={"Location": location, "Retry-After": str(RETRY_AFTER_SECONDS)},
    )
