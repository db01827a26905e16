"""The inquiries' queries."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import Inquiry
from app.errors import NotFound


class InquiryRepository:
    """Questions and their answers."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, inquiry_id: str) -> Inquiry:
        """The inquiry; raises NotFound."""
        inquiry = self.session.get(Inquiry, inquiry_id)
        if inquiry is None:
            raise NotFound(f"There is no inquiry {inquiry_id}.")
        return inquiry

    def find(self, fingerprint: str) -> Inquiry | None:
        """The question, held until the transaction ends."""
        return self.session.scalar(
            select(Inquiry).where(Inquiry.fingerprint == fingerprint).with_for_update()
        )

    def look_at(self, fingerprint: str) -> Inquiry | None:
        return self.session.scalar(select(Inquiry).where(Inquiry.fingerprint == fingerprint))

    def list_about(self, subject_id: str) -> Sequence[Inquiry]:
        return self.session.scalars(select(Inquiry).where(Inquiry.subject_id == subject_id)).all()
