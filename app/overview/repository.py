"""SQL queries for the overview; none reads more rows than a page, and counts use indexes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select, union
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.db.study_tables import Study
from app.db.tables import (
    Dataset,
    Job,
    Model,
    ModelVersion,
    RegistryEvent,
)
from app.jobs.states import UNFINISHED
from app.models.events import ALIAS_CHANGES
from app.models.references import CHAMPION


class InspectedDataset(NamedTuple):
    """A dataset with the counts of its report, without the report's lists."""

    id: str
    name: str
    status: str
    error_message: str | None
    counts: Mapping[str, int] | None
    created_at: datetime


class OverviewRepository:
    """Counts and findings in one session."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def count_by_status(self, status: InstrumentedAttribute[str]) -> dict[str, int]:
        """Return the number of rows of each status that occurs."""
        rows = self.session.execute(select(status, func.count()).group_by(status))
        return {row[0]: row[1] for row in rows}

    def count_images(self) -> int:
        """Return the number of images in the ready datasets, from the counts of their splits."""
        splits = (Dataset.splits[split, "num_images"] for split in ("train", "val", "test"))
        counts = [func.coalesce(func.sum(split.as_integer()), 0) for split in splits]
        query = select(counts[0] + counts[1] + counts[2]).where(Dataset.status == "ready")
        return int(self.session.scalar(query) or 0)

    def count_models(self) -> tuple[int, int]:
        """Return the number of models and of all their versions."""
        models = select(func.count(Model.name)).scalar_subquery()
        versions = select(func.count(ModelVersion.version)).scalar_subquery()
        num_models, num_versions = self.session.execute(select(models, versions)).one()
        return num_models, num_versions

    def count_studies(self) -> tuple[int, int]:
        """Return the number of studies, and of those with an unfinished job or search."""
        studies = select(func.count(Study.id)).scalar_subquery()
        unfinished = union(
            select(Job.study_id.label("id")).where(
                Job.status.in_(UNFINISHED), Job.study_id.is_not(None)
            ),
            select(Study.id.label("id")).where(Study.search_status == "asking"),
        ).subquery()
        running = select(func.count(unfinished.c.id)).scalar_subquery()
        num_studies, num_running = self.session.execute(select(studies, running)).one()
        return num_studies, num_running

    def list_failed_jobs(self, *, since: datetime, limit: int) -> Sequence[Job]:
        """Return the jobs that failed last, and have not been resumed."""
        return self.session.scalars(
            select(Job)
            .where(Job.status == "failed", Job.finished_at > since)
            .order_by(Job.finished_at.desc())
            .limit(limit)
        ).all()

    def list_newest_datasets(self, limit: int) -> list[InspectedDataset]:
        columns = (Dataset.id, Dataset.name, Dataset.status, Dataset.error_message)
        query = select(*columns, Dataset.report["counts"], Dataset.created_at)
        rows = self.session.execute(query.order_by(Dataset.id.desc()).limit(limit))
        return [InspectedDataset(*row) for row in rows]

    def list_refused_promotions(self, limit: int) -> Sequence[RegistryEvent]:
        """Return the promotions that gates refused last, newest first."""
        return self.session.scalars(
            select(RegistryEvent)
            .where(RegistryEvent.type == "promotion_refused")
            .order_by(RegistryEvent.id.desc())
            .limit(limit)
        ).all()

    def last_promotions(self, names: Sequence[str]) -> dict[tuple[str, int], str]:
        """Return the id of the last event that made each version of some models the champion."""
        rows = self.session.execute(
            select(RegistryEvent.name, RegistryEvent.version, func.max(RegistryEvent.id))
            .where(
                RegistryEvent.name.in_(names),
                RegistryEvent.alias == CHAMPION,
                RegistryEvent.type.in_(ALIAS_CHANGES),
            )
            .group_by(RegistryEvent.name, RegistryEvent.version)
        )
        return {(name, version or 0): event_id for name, version, event_id in rows}
