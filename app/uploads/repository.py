"""SQL queries for resumable uploads."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.upload_table import ResumableUpload
from app.errors import NotFound


class UploadRepository:
    """Resumable uploads."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, upload_id: str, *, lock: bool = False) -> ResumableUpload:
        """Return the upload; raises NotFound. `lock` locks its row."""
        query = select(ResumableUpload).where(ResumableUpload.id == upload_id)
        if lock:
            query = query.with_for_update()
        upload = self.session.scalar(query)
        if upload is None:
            raise NotFound(f"There is no upload '{upload_id}'.")
        return upload

    def list_expired(self, moment: datetime, *, limit: int) -> Sequence[ResumableUpload]:
        """Return and lock uploads that expired before a moment, the oldest first."""
        query = (
            select(ResumableUpload)
            .where(ResumableUpload.expires_at < moment)
            .order_by(ResumableUpload.expires_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return self.session.scalars(query).all()
