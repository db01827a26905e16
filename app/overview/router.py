"""The route of the overview."""

from fastapi import APIRouter

from app.overview.schemas import Overview
from app.overview.service import get_overview as read_overview
from app.web.dependencies import ReadSessionDep

router = APIRouter(tags=["overview"])


@router.get("/overview", summary="Get an overview of the service")
def get_overview(session: ReadSessionDep) -> Overview:
    """Return the counts of datasets, jobs, models, studies and batches, and what needs attention.

    The answer takes about as long with a hundred thousand jobs as with ten.
    """
    return read_overview(session)
