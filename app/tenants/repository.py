"""SQL queries of tenants, and of what they have stored and queued."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Function, cast, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.db.tables import AnalysisRequest, Dataset, ModelVersion, PredictionBatch, WorkItem
from app.db.tenancy import acting_for
from app.db.tenant_table import Tenant
from app.db.upload_table import ResumableUpload

TRAIN = "train"
QUEUED, RUNNING = "queued", "running"


class TenantRepository:
    """Tenants, and the use that each makes of the service."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def find(self, name: str) -> Tenant | None:
        return self.session.get(Tenant, name)

    def list_all(self) -> Sequence[Tenant]:
        return self.session.scalars(select(Tenant).order_by(Tenant.name)).all()

    def serialize(self, tenant: str) -> None:
        """Let no other transaction check the quotas of this tenant until this one ends.

        SQLite has only one writing transaction at a time.
        """
        if self.session.get_bind().dialect.name == "postgresql":
            number = func.hashtextextended(f"graft tenant {tenant}", 0)
            self.session.execute(select(func.pg_advisory_xact_lock(number)))

    def sum_bytes(self, tenant: str) -> int:
        """Return the bytes of a tenant's uploads, models, results of batches, and exports.

        Resumable uploads count as announced. Results that were stored by a version of the service
        that did not note their bytes are not counted.
        """
        with acting_for(tenant):
            uploads = self.session.scalar(select(func.sum(Dataset.num_bytes)))
            resumable = self.session.scalar(
                select(func.sum(ResumableUpload.length)).where(ResumableUpload.status != "used")
            )
            models = self.session.scalar(select(func.sum(ModelVersion.num_bytes)))
            batches = self.session.scalar(
                select(_sum_in(PredictionBatch.counts)).where(
                    PredictionBatch.finished_at.is_(None) | PredictionBatch.results_key.is_not(None)
                )
            )
            exports = self.session.scalar(
                select(_sum_in(AnalysisRequest.result)).where(
                    AnalysisRequest.kind == "export", AnalysisRequest.file_key.is_not(None)
                )
            )
        return sum(int(one or 0) for one in (uploads, resumable, models, batches, exports))

    def count_jobs(self, tenant: str) -> dict[str, int]:
        """Return the number of a tenant's queued and running jobs by status."""
        with acting_for(tenant):
            rows = self.session.execute(
                select(WorkItem.status, func.count(WorkItem.id))
                .where(WorkItem.status.in_((QUEUED, RUNNING)), WorkItem.queue == TRAIN)
                .group_by(WorkItem.status)
            )
            return dict(iter(rows))

    def count_running_jobs(self) -> Mapping[str, int]:
        """Return the number of running jobs of each tenant that has any."""
        rows = self.session.execute(
            select(WorkItem.tenant, func.count(WorkItem.id))
            .where(WorkItem.status == RUNNING, WorkItem.queue == TRAIN)
            .group_by(WorkItem.tenant)
        )
        return dict(iter(rows))


def _sum_in(column: InstrumentedAttribute[Any]) -> Function[int]:
    """Return the sum of `num_bytes` in a column of JSON."""
    return func.sum(cast(column["num_bytes"].as_string(), BigInteger))
