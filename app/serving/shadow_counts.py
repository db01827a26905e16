"""Store how often a shadow agrees with the chosen model, summed over all processes in SQL."""

from typing import NamedTuple

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.db.base import now
from app.db.serving_tables import ShadowTally
from app.db.tenancy import owning_tenant


class Pair(NamedTuple):
    """The chosen version and the shadow's version."""

    name: str
    version: int
    shadow_name: str
    shadow_version: int


class Counts(NamedTuple):
    """Counts of a pair; sum_abs_difference adds each image's mean over the classes."""

    num_images: int = 0
    num_agreed: int = 0
    num_dropped: int = 0
    num_failed: int = 0
    sum_abs_difference: float = 0.0

    def plus(self, other: "Counts") -> "Counts":
        """Return the sum of both."""
        return Counts(
            num_images=self.num_images + other.num_images,
            num_agreed=self.num_agreed + other.num_agreed,
            num_dropped=self.num_dropped + other.num_dropped,
            num_failed=self.num_failed + other.num_failed,
            sum_abs_difference=self.sum_abs_difference + other.sum_abs_difference,
        )


class ShadowCountsRepository:
    """Read and add to the counts of all pairs."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, pair: Pair) -> Counts:
        """Return the counts so far; zeros for a pair without any."""
        row = self.session.get(ShadowTally, (owning_tenant(), *pair))
        if row is None:
            return Counts()
        return Counts(*(getattr(row, field) for field in Counts._fields))

    def add(self, pair: Pair, counts: Counts) -> None:
        """Add to the counts; safe for concurrent processes."""
        dialect = postgresql if self.session.get_bind().dialect.name == "postgresql" else sqlite
        insert = dialect.insert(ShadowTally).values(
            **pair._asdict(), **counts._asdict(), updated_at=now()
        )
        added = {
            field: getattr(ShadowTally, field) + getattr(insert.excluded, field)
            for field in Counts._fields
        }
        self.session.execute(
            insert.on_conflict_do_update(
                index_elements=["tenant", *Pair._fields],
                set_=added | {"updated_at": insert.excluded.updated_at},
            )
        )
