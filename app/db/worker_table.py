"""The table of running workers, which `GET /service` lists; work does not depend on it."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Json, UtcDateTime
from app.db.tables import ID


class Worker(Base):
    """A running worker process; it renews its row and deletes it when it stops.

    owners maps each of its queues to the owner of the leases that its loop takes (`WorkItem`).
    device is `cpu` or the name of its GPU; null if that is not known. Both times are by the
    database's clock, because machines' clocks differ.
    """

    __tablename__ = "worker"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    host: Mapped[str] = mapped_column(String(255))
    pid: Mapped[int]
    owners: Mapped[dict[str, str]] = mapped_column(Json)
    device: Mapped[str | None] = mapped_column(String(200))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
