"""The tables of studies and their trials."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Json, UtcDateTime, now
from app.db.tables import ID, NAME
from app.db.tenant_rows import TenantRow


class Study(TenantRow, Base):
    """A comparison of several configurations and seeds on one dataset, run as jobs.

    search_status is `asking` while an adaptive search will ask for more trials, and `ended` after
    that; null if all trials were chosen when the study was created. search_note says why the search
    waits or ended early.
    """

    __tablename__ = "study"
    __table_args__ = (
        Index("ix_study_tenant", "tenant", "id"),
        Index("ix_study_search_status", "search_status", "id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str] = mapped_column(NAME)
    dataset_id: Mapped[str] = mapped_column(ID)
    config: Mapped[dict[str, Any]] = mapped_column(Json)
    labels: Mapped[dict[str, str]] = mapped_column("metadata", Json)
    search_status: Mapped[str | None] = mapped_column(String(16))
    search_note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class StudyTrial(TenantRow, Base):
    """One configuration of a study, numbered from 1; its runs are the jobs that refer to it.

    changes holds the fields in which it differs from the shared configuration. A trial of an
    adaptive search also has an origin, the reason why it was chosen; a point (`app.studies.space`);
    with Hyperband a bracket; and a problem if its configuration is invalid, so that it has no runs.
    """

    __tablename__ = "study_trial"

    study_id: Mapped[str] = mapped_column(
        ForeignKey("study.id", ondelete="CASCADE"), primary_key=True
    )
    trial: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    changes: Mapped[dict[str, Any]] = mapped_column(Json)
    origin: Mapped[str | None] = mapped_column(String(16))
    point: Mapped[dict[str, float] | None] = mapped_column(Json)
    bracket: Mapped[int | None]
    problem: Mapped[str | None] = mapped_column(Text)
