"""The response 202 while a worker computes an analysis."""

from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from app.db.tables import AnalysisRequest
from app.web.schemas import ApiModel

RETRY_AFTER_SECONDS = 1


class Pending(ApiModel):
    """An analysis that a worker has not finished."""

    id: str = Field(
        description="The id of the analysis request.", examples=["inq_01k0w1rhzemcbybsywa1w8p9"]
    )
    kind: str = Field(description="The kind of analysis.", examples=["advise"])
    status: str = Field(description="Always `waiting`.", examples=["waiting"])


PENDING_RESPONSE: dict[int | str, dict[str, Any]] = {
    202: {
        "model": Pending,
        "description": "Not finished; request `Location` again after `Retry-After` seconds.",
    }
}


def pending_response(
    analysis: AnalysisRequest, *, location: str, body: BaseModel | None = None
) -> JSONResponse:
    """Return 202 with `Location` and `Retry-After`; body replaces the default `Pending`."""
    content = body or Pending(id=analysis.id, kind=analysis.kind, status=analysis.status)
    return JSONResponse(
        content.model_dump(mode="json"),
        status_code=202,
        headers={"Location": location, "Retry-After": str(RETRY_AFTER_SECONDS)},
    )
