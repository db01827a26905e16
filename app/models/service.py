"""Register, resolve, list and delete model versions, and change aliases.

This module never deletes a checkpoint's file, because queued jobs and running predictions may still
need it. The sweeper deletes it once nothing refers to it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from app.analyses import service as analyses
from app.db.base import now
from app.db.serving_tables import Serving
from app.db.tables import Model, ModelAlias, ModelVersion
from app.errors import InUse, ModelNotReady, NotFound
from app.models import events
from app.models.event_schemas import EventType, RegistryEventDetail
from app.models.references import CHAMPION, ModelReference, parse_reference
from app.models.repository import ModelRepository
from app.models.schemas import (
    Calibration,
    ModelDetail,
    ModelSummary,
    NewestVersion,
    VersionDetail,
)
from app.web.schemas import Page, make_page


def register_version(  # noqa: PLR0913 - one keyword for each column
    session: Session,
    *,
    name: str,
    job_id: str,
    checkpoint_key: str,
    digest: str,
    num_bytes: int,
    architecture: str,
    class_names: Sequence[str],
    input_size: int,
    val_accuracy: float,
    val_balanced_accuracy: float | None = None,
    dataset_digest: str | None = None,
    trust_key: str | None = None,
    calibration: Calibration | None = None,
    quantized: tuple[str, int] | None = None,
) -> int:
    """Register a checkpoint as the next version of a model; returns its number.

    quantized is the storage key of the int8 graph with the original version's number. Concurrent
    registrations get different numbers, and a deleted version's number is never reused. The first
    registered version of all becomes the chosen model, by its number: a later version is served
    only once somebody promotes or chooses it.
    """
    models = ModelRepository(session)
    version = models.next_version(name)
    before = models.find_latest_version(name)
    session.add(
        ModelVersion(
            name=name,
            version=version,
            job_id=job_id,
            checkpoint_key=checkpoint_key,
            trust_key=trust_key,
            calibration=calibration.model_dump() if calibration else None,
            digest=digest,
            num_bytes=num_bytes,
            architecture=architecture,
            class_names=list(class_names),
            input_size=input_size,
            val_accuracy=val_accuracy,
            val_balanced_accuracy=val_balanced_accuracy,
            dataset_digest=dataset_digest,
            quantized_key=quantized[0] if quantized else None,
            quantized_from=quantized[1] if quantized else None,
        )
    )
    session.flush()
    payload = {"job_id": job_id} | ({"quantized_from": quantized[1]} if quantized else {})
    events.append(session, name, "registered", version=version, payload=payload)
    if before is not None and before.class_names != list(class_names):
        events.append_classes_changed(
            session, name, version, before.version, before.class_names, class_names
        )
    reference = str(ModelReference(name, version=version))
    if models.choose_first(reference):
        events.append(session, name, "chosen", payload={"model": reference, "before": None})
    return version


def resolve_reference(
    session: Session, reference: str, *, loc: tuple[str | int, ...] = ("body", "model")
) -> ModelVersion:
    """Return the current version of a reference.

    Raises ValidationFailed at `loc` for text that is no reference, NotFound for an unknown model,
    alias or version, ModelNotReady for a model whose versions are all deleted.
    """
    return resolve(ModelRepository(session), parse_reference(reference, loc=loc))


def resolve_chosen(session: Session) -> ModelVersion:
    """Return the current version of the chosen model; raises ModelNotReady if there is none."""
    models = ModelRepository(session)
    return resolve(models, parse_reference(require_chosen(models).model))


def list_models(
    session: Session, *, limit: int, after: str | None, text: str | None = None
) -> Page[ModelSummary]:
    """Return a page of the models by name; text is searched for in the names."""
    models = ModelRepository(session)
    rows = models.list_models(limit=limit + 1, after=after, text=text)
    page = rows[:limit]
    names = [row.name for row in page]
    newest = models.newest_versions(names)
    aliases = models.list_aliases(names)
    summaries = [
        _summarize(row, newest.get(row.name), [a for a in aliases if a.name == row.name])
        for row in page
    ]
    return make_page(summaries, lambda model: model.name, has_more=len(rows) > limit)


def get_model(session: Session, name: str) -> ModelDetail:
    """Return a model with all its versions, newest first; raises NotFound."""
    models = ModelRepository(session)
    model = models.find(name)
    if model is None:
        raise model_not_found(name)
    versions = models.list_versions(name)
    aliases = models.list_aliases([name])
    summary = _summarize(model, versions[0] if versions else None, aliases)
    return ModelDetail(
        **dict(summary), versions=[_describe(version, aliases) for version in versions]
    )


def set_metadata(session: Session, name: str, metadata: dict[str, str]) -> ModelDetail:
    """Replace a model's metadata; raises NotFound."""
    model = ModelRepository(session).lock(name)
    if model is None:
        raise model_not_found(name)
    if model.labels != metadata:
        events.append(
            session, name, "metadata_set", payload={"metadata": metadata, "before": model.labels}
        )
        model.labels = metadata
    return get_model(session, name)


def get_version(session: Session, name: str, version: int) -> VersionDetail:
    """Return one version of a model; raises NotFound."""
    models = ModelRepository(session)
    return _describe(
        resolve(models, ModelReference(name, version=version)), models.list_aliases([name])
    )


def list_events(
    session: Session, name: str, *, limit: int, after: str | None
) -> Page[RegistryEventDetail]:
    """Return a page of a model's events, newest first; raises NotFound."""
    if ModelRepository(session).find(name) is None:
        raise model_not_found(name)
    return events.list_events(session, name, limit=limit, after=after)


def delete_version(session: Session, name: str, version: int) -> None:
    """Delete a version.

    Raises NotFound, or InUse while an alias points to it or the chosen model or its shadow resolves
    to it.
    """
    models = ModelRepository(session)
    models.lock(name)
    row = resolve(models, ModelReference(name, version=version))
    pointing = [a.alias for a in models.list_aliases([name]) if a.version == version]
    if pointing:
        raise InUse(
            f"These aliases point to {name}:{version}: {', '.join(pointing)}; move or delete them "
            "first."
        )
    for reference in _list_served(models):
        if _resolves_to(models, reference, row):
            raise InUse(
                f"{name}:{version} is the chosen model or its shadow ({reference}); choose another "
                "one first (PUT /serving)."
            )
    analyses.delete_requests(session, row.job_id)
    models.delete_version(row)
    events.append(session, name, "version_deleted", version=version)


def point_alias(  # noqa: PLR0913 - the change and its event
    session: Session,
    name: str,
    alias: str,
    version: int,
    *,
    type_: EventType = "alias_moved",
    payload: Mapping[str, Any] | None = None,
) -> ModelAlias:
    """Point an alias, new or existing, to a version and log it; raises NotFound.

    Does not apply the gate: `app.promotions.service` does.
    """
    models = ModelRepository(session)
    models.lock(name)
    resolve(models, ModelReference(name, version=version))
    row = models.find_alias(name, alias)
    before = row.version if row is not None else None
    if row is None:
        row = ModelAlias(name=name, alias=alias)
        session.add(row)
    row.version = version
    row.updated_at = now()
    events.append(
        session, name, type_, version=version, alias=alias, from_version=before, payload=payload
    )
    return row


def delete_alias(session: Session, name: str, alias: str) -> None:
    """Delete an alias.

    Raises NotFound, or InUse while the chosen model or its shadow names it, and for `champion`
    while the model has a gate, because the newest version would bypass it.
    """
    models = ModelRepository(session)
    model = models.lock(name)
    row = models.find_alias(name, alias)
    if row is None:
        raise alias_not_found(name, alias)
    reference = str(ModelReference(name, alias=alias))
    if reference in _list_served(models):
        raise InUse(
            f"{reference} is the chosen model or its shadow; choose another one first (PUT "
            "/serving)."
        )
    if alias == CHAMPION and model is not None and model.gate is not None:
        raise InUse(f"{name} has a gate for its {CHAMPION}; delete the gate first.")
    session.delete(row)
    events.append(session, name, "alias_deleted", alias=alias, from_version=row.version)


def resolve(models: ModelRepository, reference: ModelReference) -> ModelVersion:
    """Return the current version of a parsed reference; raises what `resolve_reference` does."""
    number = reference.version
    if reference.alias is not None or number is None:
        alias = models.find_alias(reference.name, reference.alias or CHAMPION)
        if alias is not None:
            number = alias.version
        elif reference.alias is not None:
            raise alias_not_found(reference.name, reference.alias)
    if number is not None:
        version = models.find_version(reference.name, number)
        if version is None:
            raise NotFound(f"There is no version {number} of a model '{reference.name}'.")
        return version
    newest = models.find_newest_version(reference.name)
    if newest is not None:
        return newest
    if models.find(reference.name) is None:
        raise model_not_found(reference.name)
    raise ModelNotReady(
        f"All versions of the model '{reference.name}' were deleted; register a new one."
    )


def require_chosen(models: ModelRepository) -> Serving:
    """Return the row of the chosen model; raises ModelNotReady if there is none."""
    chosen = models.find_chosen()
    if chosen is None:
        raise ModelNotReady(
            "No model has been chosen yet; run a training job, or choose a model with PUT /serving."
        )
    return chosen


def _list_served(models: ModelRepository) -> list[str]:
    """Return the references of the chosen model and its shadow."""
    chosen = models.find_chosen()
    return [one for one in (chosen.model, chosen.shadow) if one] if chosen else []


def _resolves_to(models: ModelRepository, served: str, version: ModelVersion) -> bool:
    reference = parse_reference(served)
    return reference.name == version.name and resolve(models, reference) is version


def alias_not_found(name: str, alias: str | None) -> NotFound:
    """Return the error for an unknown alias."""
    return NotFound(f"There is no alias '{alias}' of a model '{name}'.")


def model_not_found(name: str) -> NotFound:
    """Return the error for an unknown model."""
    return NotFound(f"There is no model '{name}'.")


def _summarize(
    model: Model, newest: ModelVersion | None, aliases: Sequence[ModelAlias]
) -> ModelSummary:
    versions = {alias.alias: alias.version for alias in aliases}
    return ModelSummary(
        name=model.name,
        newest_version=newest.version if newest else None,
        newest=NewestVersion(
            version=newest.version,
            val_accuracy=newest.val_accuracy,
            val_balanced_accuracy=newest.val_balanced_accuracy,
            architecture=newest.architecture,
            num_classes=len(newest.class_names),
            created_at=newest.created_at,
        )
        if newest
        else None,
        champion=versions.get(CHAMPION),
        aliases=versions,
        metadata=model.labels,
        created_at=model.created_at,
    )


def _describe(version: ModelVersion, aliases: Sequence[ModelAlias]) -> VersionDetail:
    return VersionDetail(
        name=version.name,
        version=version.version,
        aliases=[alias.alias for alias in aliases if alias.version == version.version],
        job_id=version.job_id,
        architecture=version.architecture,
        class_names=version.class_names,
        input_size=version.input_size,
        val_accuracy=version.val_accuracy,
        val_balanced_accuracy=version.val_balanced_accuracy,
        calibration=Calibration.model_validate(version.calibration)
        if version.calibration
        else None,
        num_bytes=version.num_bytes,
        digest=version.digest,
        dataset_digest=version.dataset_digest,
        quantized_from=version.quantized_from,
        created_at=version.created_at,
    )
