"""The tables of the chosen models and of their shadows."""

from datetime import datetime

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, UtcDateTime, now
from app.db.tables import NAME
from app.db.tenant_rows import KeyedByTenant


class Serving(KeyedByTenant, Base):
    """The model that serves a tenant's predictions; created when its first model is chosen.

    shadow is a reference to a model that classifies a fraction of the same images; its predictions
    are only compared and counted.
    """

    __tablename__ = "serving"

    model: Mapped[str] = mapped_column(String(160))
    shadow: Mapped[str | None] = mapped_column(String(160))
    shadow_fraction: Mapped[float] = mapped_column(default=0.0, server_default="0")
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)


class ShadowTally(KeyedByTenant, Base):
    """Counts of how often a shadow model agreed with the model that served the response.

    name and version are those of the serving model. num_dropped counts images that the shadow did
    not classify because the service was busy.
    """

    __tablename__ = "shadow_tally"

    name: Mapped[str] = mapped_column(NAME, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    shadow_name: Mapped[str] = mapped_column(NAME, primary_key=True)
    shadow_version: Mapped[int] = mapped_column(primary_key=True)
    num_images: Mapped[int] = mapped_column(BigInteger)
    num_agreed: Mapped[int] = mapped_column(BigInteger)
    num_dropped: Mapped[int] = mapped_column(BigInteger)
    num_failed: Mapped[int] = mapped_column(BigInteger)
    sum_abs_difference: Mapped[float]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)
