"""Database queries of batch predictions."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import PredictionBatch
from app.errors import NotFound


class BatchRepository:
    """Read batch predictions in one session."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def find(self, batch_id: str, *, lock: bool = False) -> PredictionBatch | None:
        """Return the batch or None; `lock` holds its row until the transaction ends."""
        query = select(PredictionBatch).where(PredictionBatch.id == batch_id)
        if lock:
            query = query.with_for_update().execution_options(populate_existing=True)
        return self.session.scalar(query)

    def get(self, batch_id: str, *, lock: bool = False) -> PredictionBatch:
        """Return the batch; raises NotFound."""
        batch = self.find(batch_id, lock=lock)
        if batch is None:
            raise NotFound(f"There is no batch prediction {batch_id}.")
        return batch

    def list_page(
        self, *, limit: int, after: str | None, status: str | None, dataset_id: str | None
    ) -> Sequence[PredictionBatch]:
        """Return batches, newest first: one more than `limit` if there are more."""
        query = select(PredictionBatch).order_by(PredictionBatch.id.desc()).limit(limit + 1)
        if after is not None:
            query = query.where(PredictionBatch.id < after)
        if status is not None:
            query = query.where(PredictionBatch.status == status)
        if dataset_id is not None:
            query = query.where(PredictionBatch.dataset_id == dataset_id)
        return self.session.scalars(query).all()
