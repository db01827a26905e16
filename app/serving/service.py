"""Which model answers where none is named, and which one is only listened to beside it."""

from sqlalchemy.orm import Session

from app.db.base import now
from app.db.tables import ModelVersion, Serving
from app.errors import GateFailed, InputProblem, ValidationFailed
from app.ml.trust.intervals import wilson_interval
from app.models import events
from app.models.references import CHAMPION, ModelReference, parse_reference
from app.models.repository import ModelRepository
from app.models.schemas import VersionName
from app.models.service import require_chosen, resolve
from app.serving.schemas import ChooseModel, ChosenModel, SetShadow, Shadow, Tally
from app.serving.shadow_counts import Pair, TallyRepository


def get_chosen(session: Session) -> ChosenModel:
    """The chosen model, its shadow and what both resolve to.

    Raises ModelNotReady before one is chosen.
    """
    models = ModelRepository(session)
    return _show(session, models, require_chosen(models))


def choose_model(session: Session, wish: ChooseModel) -> ChosenModel:
    """Choose the model for predictions that name none, and its shadow if the wish names one.

    A wish that does not speak of a shadow leaves it as it is. Raises what `resolve_reference` does,
    ValidationFailed for a shadow with other classes, GateFailed for a version in int8 that is no
    champion.
    """
    models = ModelRepository(session)
    reference = parse_reference(wish.model)
    shadow = _parse_shadow(wish.shadow)
    # in one order, so that two who choose never wait for each other
    for name in sorted({one.name for one in (reference, shadow) if one is not None}):
        models.lock(name)
    _require_gated(resolve(models, reference), reference)
    is_first = models.choose_if_nothing_is(str(reference))
    row = models.lock_serving()
    before = (None if is_first else row.model, row.shadow, row.shadow_fraction)
    row.model, row.updated_at = str(reference), now()
    if "shadow" in wish.model_fields_set:
        row.shadow = str(shadow) if shadow else None
        row.shadow_fraction = wish.shadow.fraction if wish.shadow else 0.0
    _require_same_classes(models, row)
    _log_changes(session, row, *before)
    return _show(session, models, row)


def find_shadow(session: Session) -> tuple[ModelVersion, ModelVersion, float] | None:
    """The chosen version, its shadow and the share of images that the shadow is to see.

    None where nothing is to be compared: no shadow, no share, or the shadow answers itself.
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
    """Raise GateFailed for a version in int8, unless it is chosen as its model's champion."""
    is_champion = reference.version is None and reference.alias in {None, CHAMPION}
    if version.quantized_key is not None and not is_champion:
        raise GateFailed(
            f"{version.name}:{version.version} is in int8 and answers for others only as its "
            f"model's {CHAMPION}, which a gate lets it become."
        )


def _parse_shadow(wish: SetShadow | None) -> ModelReference | None:
    return None if wish is None else parse_reference(wish.model, loc=("body", "shadow", "model"))


def _require_same_classes(models: ModelRepository, row: Serving) -> None:
    if row.shadow is None:
        return
    chosen = resolve(models, parse_reference(row.model))
    shadow = resolve(models, parse_reference(row.shadow))
    if chosen.class_names != shadow.class_names:
        message = (
            f"{row.shadow} tells {len(shadow.class_names)} classes apart, {row.model} "
            f"{len(chosen.class_names)}: a shadow must have the chosen model's, in its order "
            "(`null` removes the shadow)."
        )
        allowed = tuple(chosen.class_names)
        raise ValidationFailed(InputProblem(("body", "shadow", "model"), message, allowed))


def _log_changes(
    session: Session, row: Serving, model: str | None, shadow: str | None, fraction: float
) -> None:
    """Note in every model's log what changed for it; the last three are what was there before."""
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
        shown = {"model": row.shadow, "fraction": row.shadow_fraction, "before": shadow}
        events.append(session, _name(row.shadow), "shadow_set", payload=shown)


def _name(reference: str) -> str:
    return parse_reference(reference).name


def _show(session: Session, models: ModelRepository, row: Serving) -> ChosenModel:
    chosen = resolve(models, parse_reference(row.model))
    return ChosenModel(
        model=row.model,
        resolved=VersionName.model_validate(chosen, from_attributes=True),
        shadow=_show_shadow(session, models, row, chosen),
        updated_at=row.updated_at,
    )


def _show_shadow(
    session: Session, models: ModelRepository, row: Serving, chosen: ModelVersion
) -> Shadow | None:
    if row.shadow is None:
        return None
    shadow = resolve(models, parse_reference(row.shadow))
    pair = Pair(chosen.name, chosen.version, shadow.name, shadow.version)
    return Shadow(
        **dict(SetShadow(model=row.shadow, fraction=row.shadow_fraction)),
        resolved=VersionName.model_validate(shadow, from_attributes=True),
        tally=_show_tally(session, pair),
    )


def _show_tally(session: Session, pair: Pair) -> Tally:
    counts = TallyRepository(session).get(pair)
    num_images = counts.num_images
    agreement = counts.num_agreed / num_images if num_images else None
    return Tally(
        num_images=num_images,
        num_agreed=counts.num_agreed,
        agreement=agreement,
        agreement_interval=None if agreement is None else wilson_interval(agreement, num_images),
        mean_abs_difference=counts.sum_abs_difference / num_images if num_images else None,
        num_dropped=counts.num_dropped,
        num_failed=counts.num_failed,
    )
