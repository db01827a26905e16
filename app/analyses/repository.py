"""Queries for analysis requests."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import AnalysisRequest
from app.errors import NotFound


class AnalysisRepository:
    """Analysis requests in SQL."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, analysis_id: str) -> AnalysisRequest:
        """Return a request; raises NotFound."""
        analysis = self.session.get(AnalysisRequest, analysis_id)
        if analysis is None:
            raise NotFound(f"There is no analysis request {analysis_id}.")
        return analysis

    def find_for_update(self, fingerprint: str) -> AnalysisRequest | None:
        """Return the request, locked until the transaction ends."""
        return self.session.scalar(
            select(AnalysisRequest)
            .where(AnalysisRequest.fingerprint == fingerprint)
            .with_for_update()
        )

    def find(self, fingerprint: str) -> AnalysisRequest | None:
        return self.session.scalar(
            select(AnalysisRequest).where(AnalysisRequest.fingerprint == fingerprint)
        )

    def list_by_subject(self, subject_id: str) -> Sequence[AnalysisRequest]:
        return self.session.scalars(
            select(AnalysisRequest).where(AnalysisRequest.subject_id == subject_id)
        ).all()
