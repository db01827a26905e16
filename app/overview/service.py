"""Count everything, and collect what needs attention."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

from sqlalchemy.orm import Session

from app.db.base import now
from app.db.tables import Dataset, Job, PredictionBatch
from app.errors import ModelNotReady, NotFound
from app.models.references import CHAMPION, parse_reference
from app.models.repository import ModelRepository
from app.models.schemas import VersionName
from app.models.service import resolve
from app.overview.repository import InspectedDataset, OverviewRepository
from app.overview.schemas import (
    DatasetCounts,
    Finding,
    FindingKind,
    JobCounts,
    ModelCounts,
    Overview,
    PredictionCounts,
    ServedModel,
    StudyCounts,
)

MAX_FINDINGS = 20
MAX_INSPECTED = 50
"""Number of newest datasets, and of refused promotions, that are looked at."""

FAILED_WITHIN = timedelta(days=7)


def get_overview(session: Session) -> Overview:
    """Return the counts and findings; the number of SQL statements is fixed."""
    overview = OverviewRepository(session)
    datasets = overview.count_by_status(Dataset.status)
    jobs = overview.count_by_status(Job.status)
    num_models, num_versions = overview.count_models()
    num_studies, num_running = overview.count_studies()
    batches = overview.count_by_status(PredictionBatch.status)
    findings = [*_failed_jobs(overview), *_dataset_findings(overview), *_refusals(overview)]
    findings.sort(key=lambda finding: finding.created_at, reverse=True)
    return Overview(
        datasets=DatasetCounts(
            total=sum(datasets.values()), num_images=overview.count_images(), **datasets
        ),
        jobs=JobCounts(total=sum(jobs.values()), **jobs),
        models=ModelCounts(total=num_models, versions=num_versions),
        studies=StudyCounts(total=num_studies, running=num_running),
        predictions=PredictionCounts(
            total=sum(batches.values()),
            queued=batches.get("queued", 0),
            running=batches.get("running", 0),
        ),
        serving=_find_served(session),
        attention=findings[:MAX_FINDINGS],
    )


def _find_served(session: Session) -> ServedModel | None:
    models = ModelRepository(session)
    chosen = models.find_chosen()
    if chosen is None:
        return None
    with suppress(ModelNotReady, NotFound):
        version = resolve(models, parse_reference(chosen.model))
        return ServedModel(
            model=chosen.model, resolved=VersionName(name=version.name, version=version.version)
        )
    return None


def _failed_jobs(overview: OverviewRepository) -> Iterator[Finding]:
    since = now() - FAILED_WITHIN
    for job in overview.list_failed_jobs(since=since, limit=MAX_FINDINGS):
        yield Finding(
            kind="job_failed",
            subject=job.id,
            title=job.model_name,
            detail=job.error_message or f"The job failed with {job.error_code}.",
            created_at=job.finished_at or job.created_at,
        )


def _dataset_findings(overview: OverviewRepository) -> Iterator[Finding]:
    for dataset in overview.list_newest_datasets(MAX_INSPECTED):
        for kind, detail in _inspect(dataset):
            yield Finding(
                kind=kind,
                subject=dataset.id,
                title=dataset.name,
                detail=detail,
                created_at=dataset.created_at,
            )


def _inspect(dataset: InspectedDataset) -> Iterator[tuple[FindingKind, str]]:
    if dataset.status == "invalid":
        yield "dataset_invalid", dataset.error_message or "The upload was rejected."
    counts = dataset.counts or {}
    if num := counts.get("leaked"):
        yield (
            "leaked",
            f"{_images(num, 'validation image')} also in train; accuracy looks too high.",
        )
    if num := counts.get("near_leaked"):
        yield (
            "near_leaked",
            f"{_images(num, 'image')} probably a near duplicate of an image in another split.",
        )
    if num := counts.get("suspect_labels"):
        yield "suspect_labels", f"{_images(num, 'training image')} probably labelled wrongly."


def _images(count: int, noun: str) -> str:
    return f"1 {noun} is" if count == 1 else f"{count:,} {noun}s are"


def _refusals(overview: OverviewRepository) -> Iterator[Finding]:
    """Yield the models whose newest version was refused last and is not the champion."""
    refusals = overview.list_refused_promotions(MAX_INSPECTED)
    names = sorted({refusal.name for refusal in refusals})
    if not names:
        return
    models = ModelRepository(overview.session)
    newest = {name: row.version for name, row in models.newest_versions(names).items()}
    aliases = models.list_aliases(names)
    champions = {one.name: one.version for one in aliases if one.alias == CHAMPION}
    promoted = overview.last_promotions(names)
    for refusal in refusals:
        version = refusal.version
        if version is None or version != newest.get(refusal.name):
            continue
        if version == champions.get(refusal.name):
            continue
        if promoted.get((refusal.name, version), "") > refusal.id:
            continue  # it has been champion since, and was replaced
        newest.pop(refusal.name)  # older refusals of the same version say nothing new
        reasons = " ".join(refusal.payload.get("verdict", {}).get("reasons", ()))
        yield Finding(
            kind="gate_failed",
            subject=refusal.name,
            title=refusal.name,
            detail=f"Version {version} did not pass the gate. {reasons}".strip(),
            created_at=refusal.created_at,
        )
