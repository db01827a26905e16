"""The table of tenants and of their limits; it belongs to the operator, not to a tenant."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, UtcDateTime, now
from app.db.tenant_rows import TENANT


class Tenant(Base):
    """A tenant and its limits; null is the limit of the settings, 0 is no limit."""

    __tablename__ = "tenant"

    name: Mapped[str] = mapped_column(TENANT, primary_key=True)
    max_bytes: Mapped[int | None] = mapped_column(BigInteger)
    max_unfinished_jobs: Mapped[int | None]
    max_running_jobs: Mapped[int | None]
    requests_per_second: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
