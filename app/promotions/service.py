"""Promote versions through a model's gate or by force, and roll aliases back."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.db.tables import Dataset, Model, ModelAlias, ModelVersion
from app.errors import Conflict, GateFailed, NotFound, ValidationFailed
from app.evaluations.schemas import EvaluationResult, Runtime
from app.evaluations.service import (
    RequestedEvaluation,
    choose_split,
    ensure_requested,
    list_warnings,
    lock_dataset,
    require_same_classes,
)
from app.models import events
from app.models.references import CHAMPION, ModelReference
from app.models.repository import ModelRepository
from app.models.service import alias_not_found, model_not_found, point_alias, resolve
from app.promotions.alias_schemas import AliasDetail, PointAlias
from app.promotions.gate import Comparison, compare, find_objections
from app.promotions.schemas import Gate, GateVerdict, SetGate


@dataclass(frozen=True)
class _GateCheck:
    """A gate and the versions it compares; champion is None for a model without one."""

    gate: Gate
    dataset: Dataset
    candidate: ModelVersion
    champion: ModelVersion | None


@dataclass(frozen=True)
class Refusal:
    """A gate's decision against a candidate, with its reasons; the event log has it, too."""

    message: str


def set_gate(session: Session, name: str, request: SetGate) -> Gate:
    """Set the gate that a version must pass to become champion.

    Raises NotFound, Conflict and DatasetInvalid for a dataset that is not ready, ModelNotReady for
    a model without versions, ValidationFailed if the dataset lacks the split or has other classes.
    """
    dataset = lock_dataset(session, request.dataset_id)
    models = ModelRepository(session)
    model = models.lock(name)
    version = resolve(models, ModelReference(name))
    if model is None:
        raise model_not_found(name)
    require_same_classes(version, dataset)
    rule = request.model_dump(include={"max_class_drop", "significance", "require"})
    gate = Gate(
        **rule,
        dataset_id=dataset.id,
        dataset_digest=str(dataset.digest),
        split=choose_split(dataset, request.split),
    )
    if model.gate != gate.model_dump():
        model.gate = gate.model_dump()
        events.append(session, name, "gate_set", payload={"gate": model.gate})
    return gate


def get_gate(session: Session, name: str) -> Gate:
    """Return a model's gate; raises NotFound for an unknown model and for one without."""
    return _require_gate(ModelRepository(session).find(name), name)


def delete_gate(session: Session, name: str) -> None:
    """Delete a model's gate; raises what `get_gate` does."""
    model = ModelRepository(session).lock(name)
    gate = _require_gate(model, name)
    if model is not None:
        model.gate = None
    events.append(session, name, "gate_removed", payload={"gate": gate.model_dump()})


def promote(
    session: Session, name: str, alias: str, request: PointAlias, *, runtime: Runtime
) -> AliasDetail | RequestedEvaluation | Refusal:
    """Point an alias to a version, which must pass the gate if the alias is `champion`.

    If an evaluation for the gate is missing, requests it and returns it instead. A candidate that
    does not pass is logged and returned as a refusal; an error would roll the log back. Raises
    NotFound, GateFailed for a candidate that cannot be compared, the error of a failed evaluation,
    and Conflict if the gate is replaced at the same time.
    """
    models = ModelRepository(session)
    dataset: Dataset | None = None
    gate_before_lock = models.find_gate(name) if alias == CHAMPION and not request.force else None
    if gate_before_lock is not None:
        with suppress(NotFound):
            dataset = lock_dataset(session, str(gate_before_lock["dataset_id"]))
    model = models.lock(name)
    candidate = resolve(models, ModelReference(name, version=request.version))
    row = models.find_alias(name, alias)
    if row is not None and row.version == request.version:
        return AliasDetail.model_validate(row)
    payload: dict[str, Any] = {"reason": request.reason} if request.reason is not None else {}
    gate = model.gate if model is not None and alias == CHAMPION else None
    is_guarded = gate is not None or (alias == CHAMPION and candidate.quantized_key is not None)
    if request.force and is_guarded:
        payload |= {"gate": gate}
        return AliasDetail.model_validate(
            point_alias(session, name, alias, request.version, type_="forced", payload=payload)
        )
    if candidate.quantized_key is not None:
        _require_gate_for_int8(models, candidate, alias, gate)
    if gate is None:
        return AliasDetail.model_validate(
            point_alias(session, name, alias, request.version, payload=payload)
        )
    if gate != gate_before_lock:
        raise Conflict(f"The gate of {name} was changed at the same time; try again.")
    if dataset is None:
        raise GateFailed(
            f"The dataset of {name}'s gate was deleted; set another gate, or promote with `force`."
        )
    champion = _find_champion(models, row, candidate)
    check = _GateCheck(Gate.model_validate(gate), dataset, candidate, champion)
    verdict = _apply_gate(session, check, runtime)
    if isinstance(verdict, RequestedEvaluation):
        return verdict
    payload |= {"verdict": verdict.model_dump(mode="json")}
    if not verdict.passed:
        return _refuse(session, candidate, row, verdict, payload)
    row = point_alias(session, name, alias, request.version, payload=payload)
    return AliasDetail.model_validate(row).model_copy(update={"gate": verdict})


def roll_back(session: Session, name: str, alias: str) -> AliasDetail:
    """Point an alias to its previous version, without the gate; a second rollback undoes it.

    Raises NotFound, Conflict if the alias has no previous version or that was deleted.
    """
    models = ModelRepository(session)
    models.lock(name)
    row = models.find_alias(name, alias)
    if row is None:
        raise alias_not_found(name, alias)
    last = events.find_last_alias_change(session, name, alias)
    if last is None or last.from_version is None or last.version != row.version:
        raise Conflict(f"{name}@{alias} has no previous version; point it to a version instead.")
    if models.find_version(name, last.from_version) is None:
        raise Conflict(
            f"{name}:{last.from_version}, the previous version of {alias}, was deleted; point it "
            "to another version."
        )
    return AliasDetail.model_validate(
        point_alias(session, name, alias, last.from_version, type_="rolled_back")
    )


def _refuse(
    session: Session,
    candidate: ModelVersion,
    row: ModelAlias | None,
    verdict: GateVerdict,
    payload: dict[str, Any],
) -> Refusal:
    """Log that a candidate does not pass; row is the champion's alias, which stays."""
    events.append(
        session,
        candidate.name,
        "promotion_refused",
        version=candidate.version,
        alias=CHAMPION,
        from_version=row.version if row is not None else None,
        payload=payload,
    )
    return Refusal(
        f"{candidate.name}:{candidate.version} does not pass the gate on the {verdict.split} "
        f"images of {verdict.dataset_id}. {' '.join(verdict.reasons)}"
    )


def _require_gate_for_int8(
    models: ModelRepository, candidate: ModelVersion, alias: str, gate: dict[str, Any] | None
) -> None:
    """Raise GateFailed where an int8 version would serve without having passed a gate."""
    name = f"{candidate.name}:{candidate.version}"
    if alias == CHAMPION and gate is None:
        raise GateFailed(
            f"{name} is in int8 and can become {CHAMPION} only through a gate; "
            f"PUT /models/{candidate.name}/gate first, or promote with `force`."
        )
    chosen = models.find_chosen()
    reference = str(ModelReference(candidate.name, alias=alias))
    if alias != CHAMPION and chosen is not None and chosen.model == reference:
        raise GateFailed(
            f"{name} is in int8, and {reference} is the chosen model; promote it to {CHAMPION} "
            "instead."
        )


def _require_gate(model: Model | None, name: str) -> Gate:
    if model is None:
        raise model_not_found(name)
    if model.gate is None:
        raise NotFound(f"The model '{name}' has no gate.")
    return Gate.model_validate(model.gate)


def _find_champion(
    models: ModelRepository, row: ModelAlias | None, candidate: ModelVersion
) -> ModelVersion | None:
    """Return the champion; an int8 candidate without one is compared with the newest version."""
    if row is not None:
        return models.find_version(row.name, row.version)
    if candidate.quantized_key is not None:
        return models.find_newest_version(candidate.name)
    return None


def _apply_gate(
    session: Session, check: _GateCheck, runtime: Runtime
) -> GateVerdict | RequestedEvaluation:
    """Return the gate's verdict, or the first evaluation that is not ready."""
    versions = [one for one in (check.candidate, check.champion) if one is not None]
    evaluations = [_request_evaluation(session, check, version, runtime) for version in versions]
    results: list[EvaluationResult] = []
    for evaluation in evaluations:
        result = evaluation.find_result()
        if result is None:
            return evaluation
        results.append(result)
    candidate, *champions = results
    comparison = _compare(check, candidate, champions[0]) if champions else None
    return _build_verdict(check, candidate, comparison)


def _compare(
    check: _GateCheck, candidate: EvaluationResult, champion: EvaluationResult
) -> Comparison:
    names = check.candidate.class_names
    champion_names = check.champion.class_names if check.champion else names
    predicted = [names.index(champion_names[one]) for one in champion.predicted]
    return compare(names, candidate.targets, predicted, candidate.predicted)


def _request_evaluation(
    session: Session, check: _GateCheck, version: ModelVersion, runtime: Runtime
) -> RequestedEvaluation:
    try:
        return ensure_requested(session, version, check.dataset, check.gate.split, runtime=runtime)
    except ValidationFailed as error:
        raise GateFailed(f"The versions cannot be compared: {error.message}") from error


def _build_verdict(
    check: _GateCheck, candidate: EvaluationResult, comparison: Comparison | None
) -> GateVerdict:
    gate = check.gate
    versions = [one for one in (check.candidate, check.champion) if one is not None]
    warnings = [
        warning
        for version in versions
        for warning in list_warnings(version, check.dataset, gate.split)
    ]
    empty = [one.class_name for one in candidate.figures.per_class if one.support == 0]
    if empty:
        warnings.append(f"These classes have no images and were not compared: {', '.join(empty)}.")
    reasons = find_objections(gate, comparison) if comparison else []
    return GateVerdict(
        passed=not reasons,
        dataset_id=gate.dataset_id,
        split=gate.split,
        num_images=candidate.figures.num_images,
        candidate_version=check.candidate.version,
        candidate_accuracy=candidate.figures.accuracy,
        champion_version=check.champion.version if check.champion else None,
        champion_accuracy=comparison.champion_accuracy if comparison else None,
        only_champion_right=comparison.only_champion if comparison else None,
        only_candidate_right=comparison.only_candidate if comparison else None,
        p_value=comparison.p_value if comparison else None,
        class_drops=comparison.drops if comparison else [],
        reasons=reasons,
        warnings=warnings,
    )
