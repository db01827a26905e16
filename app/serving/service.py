"""Choose the model for predictions that name none, and its shadow."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.base import now
from app.db.serving_tables import Serving
from app.db.tables import ModelVersion
from app.errors import GateFailed, InputProblem, ValidationFailed
from app.ml.trust.intervals import wilson_interval
from app.models import events
from app.models.references import CHAMPION, ModelReference, parse_reference
from app.models.repository import ModelRepository
from app.models.schemas import VersionName
from app.models.service import require_chosen, resolve
from app.serving.schemas import ChooseModel, ChosenModel, SetShadow, Shadow, ShadowCounts
from app.serving.shadow_counts import Pair, ShadowCountsRepository


def get_chosen(session: Session) -> ChosenModel:
    """Return the chosen model and its shadow with their current versions.

    Raises ModelNotReady before one is chosen.
    """
    models = ModelRepository(session)
    return _view(session, models, require_chosen(models))


def choose_model(session: Session, request: ChooseModel) -> ChosenModel:
    """Choose the model for predictions that name none, and its shadow if the request has one.

    A request without the field `shadow` keeps the shadow. Raises what `resolve_reference` raises,
    ValidationFailed for a shadow with other classes, GateFailed for an int8 version that is not its
    model's champion.
    """
    models = ModelRepository(session)
    reference = parse_reference(request.model)
    shadow = _parse_shadow(request.shadow)
    # sorted, so that two concurrent requests never deadlock
    for name in sorted({one.name for one in (reference, shadow) if one is not None}):
        models.lock(name)
    _require_gated(resolve(models, reference), reference)
    is_first = models.choose_first(str(reference))
    row = models.lock_serving()
    before = (None if is_first else row.model, row.shadow, row.shadow_fraction)
    row.model, row.updated_at = str(reference), now()
    if "shadow" in request.model_fields_set:
        row.shadow = str(shadow) if shadow else None
        row.shadow_fraction = request.shadow.fraction if request.shadow else 0.0
    _require_same_classes(models, row)
    _log_changes(session, row, *before)
    return _view(session, models, row)


def list_tenants_with_shadow(session: Session) -> list[str]:
    """Return the tenants that have chosen a shadow, of those that this context may see."""
    query = select(Serving.tenant).where(Serving.shadow.is_not(None), Serving.shadow_fraction > 0)
    return list(session.scalars(query))


def find_shadow(session: Session) -> tuple[ModelVersion, ModelVersion, float] | None:
    """Return the chosen version, the shadow's version, and the shadow's share of the images.

    Returns None if there is nothing to compare: no shadow, a share of 0, or twice the same version.
    Raises what `resolve_reference` does.
    """
    models = ModelRepository(session)
    row = models.find_chosen()
    if row is None or row.shadow is None or row.shadow_fraction == 0:
        return None
    chosen = resolve(models, parse_reference(row.model))
    shadow = resolve(models, parse_reference(row.shadow))
    if shadow is chosen or shadow.class_names != chosen.class_names:
        return None
    return chosen, shadow, row.shadow_fraction


def _require_gated(version: ModelVersion, reference: ModelReference) -> None:
    """Raise GateFailed for an int8 version, unless it is chosen as its model's champion."""
    is_champion = reference.version is None and reference.alias in {None, CHAMPION}
    if version.quantized_key is not None and not is_champion:
        raise GateFailed(
            f"{version.name}:{version.version} is in int8 and can be chosen only as its model's "
            f"{CHAMPION}. Promote it to {version.name}@{CHAMPION} through the model's gate first."
        )


def _parse_shadow(request: SetShadow | None) -> ModelReference | None:
    return (
        None if request is None else parse_reference(request.model, loc=("body", "shadow", "model"))
    )


def _require_same_classes(models: ModelRepository, row: Serving) -> None:
    if row.shadow is None:
        return
    chosen = resolve(models, parse_reference(row.model))
    shadow = resolve(models, parse_reference(row.shadow))
    if chosen.class_names != shadow.class_names:
        message = (
            f"{row.shadow} has {len(shadow.class_names)} classes that differ from the "
            f"{len(chosen.class_names)} of {row.model}; a shadow must have the chosen model's "
            "classes in the same order. Choose another shadow, or remove it with `null`."
        )
        allowed = tuple(chosen.class_names)
        raise ValidationFailed(InputProblem(("body", "shadow", "model"), message, allowed))


def _log_changes(
    session: Session, row: Serving, model: str | None, shadow: str | None, fraction: float
) -> None:
    """Append events to the models' logs; model, shadow and fraction are the previous values."""
    if row.model != model:
        if model is not None and _name(model) != _name(row.model):
            events.append(session, _name(model), "unchosen", payload={"by": row.model})
        payload = {"model": row.model, "before": model}
        events.append(session, _name(row.model), "chosen", payload=payload)
    if (row.shadow, row.shadow_fraction) == (shadow, fraction):
        return
    if shadow is not None and (row.shadow is None or _name(row.shadow) != _name(shadow)):
        events.append(session, _name(shadow), "shadow_removed", payload={"model": shadow})
    if row.shadow is not None:
        setting = {"model": row.shadow, "fraction": row.shadow_fraction, "before": shadow}
        events.append(session, _name(row.shadow), "shadow_set", payload=setting)


def _name(reference: str) -> str:
    return parse_reference(reference).name


def _view(session: Session, models: ModelRepository, row: Serving) -> ChosenModel:
    chosen = resolve(models, parse_reference(row.model))
    return ChosenModel(
        model=row.model,
        resolved=VersionName.model_validate(chosen, from_attributes=True),
        shadow=_view_shadow(session, models, row, chosen),
        updated_at=row.updated_at,
    )


def _view_shadow(
    session: Session, models: ModelRepository, row: Serving, chosen: ModelVersion
) -> Shadow | None:
    if row.shadow is None:
        return None
    shadow = resolve(models, parse_reference(row.shadow))
    pair = Pair(chosen.name, chosen.version, shadow.name, shadow.version)
    return Shadow(
        **dict(SetShadow(model=row.shadow, fraction=row.shadow_fraction)),
        resolved=VersionName.model_validate(shadow, from_attributes=True),
        tally=_view_counts(session, pair),
    )


def _view_counts(session: Session, pair: Pair) -> ShadowCounts:
    counts = ShadowCountsRepository(session).get(pair)
    num_images = counts.num_images
    agreement = counts.num_agreed / num_images if num_images else None
    return ShadowCounts(
        num_images=num_images,
        num_agreed=counts.num_agreed,
        agreement=agreement,
        agreement_interval=None if agreement is None else wilson_interval(agreement, num_images),
        mean_abs_difference=counts.sum_abs_difference / num_images if num_images else None,
        num_dropped=counts.num_dropped,
        num_failed=counts.num_failed,
    )
