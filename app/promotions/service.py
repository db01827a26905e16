"""Moving aliases: through a model's gate, past it by force, and back again."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.db.tables import Dataset, Model, ModelAlias, ModelVersion
from app.errors import Conflict, GateFailed, NotFound, ValidationFailed
from app.evaluations.schemas import EvaluationAnswer, Runtime
from app.evaluations.service import (
    Asked,
    ask,
    choose_split,
    list_warnings,
    lock_dataset,
    require_same_classes,
)
from app.models import events
from app.models.references import CHAMPION, ModelReference
from app.models.repository import ModelRepository
from app.models.service import no_alias, no_model, point_alias, resolve
from app.promotions.alias_schemas import AliasDetail, PointAlias
from app.promotions.gate import Comparison, compare, find_objections
from app.promotions.schemas import Gate, GateVerdict, SetGate


@dataclass(frozen=True)
class _Contest:
    """A gate with what it compares; without a champion there is nothing to compare with."""

    gate: Gate
    dataset: Dataset
    candidate: ModelVersion
    champion: ModelVersion | None


def set_gate(session: Session, name: str, wish: SetGate) -> Gate:
    """Let nothing become champion that does not pass.

    Raises NotFound, Conflict and DatasetInvalid for a dataset that is not ready, ModelNotReady for
    a model without versions, ValidationFailed where the dataset lacks the split or has other
    classes.
    """
    dataset = lock_dataset(session, wish.dataset_id)
    models = ModelRepository(session)
    model = models.lock(name)
    version = resolve(models, ModelReference(name))
    if model is None:
        raise no_model(name)
    require_same_classes(version, dataset)
    rule = wish.model_dump(include={"max_class_drop", "significance", "require"})
    gate = Gate(
        **rule,
        dataset_id=dataset.id,
        dataset_digest=str(dataset.digest),
        split=choose_split(dataset, wish.split),
    )
    if model.gate != gate.model_dump():
        model.gate = gate.model_dump()
        events.append(session, name, "gate_set", payload={"gate": model.gate})
    return gate


def get_gate(session: Session, name: str) -> Gate:
    """A model's gate; raises NotFound for an unknown model and for one without."""
    return _require_gate(ModelRepository(session).find(name), name)


def delete_gate(session: Session, name: str) -> None:
    """Let any version become champion again; raises what `get_gate` does."""
    model = ModelRepository(session).lock(name)
    gate = _require_gate(model, name)
    if model is not None:
        model.gate = None
    events.append(session, name, "gate_removed", payload={"gate": gate.model_dump()})


def promote(
    session: Session, name: str, alias: str, wish: PointAlias, *, runtime: Runtime
) -> AliasDetail | Asked:
    """Let an alias point to a version, through the gate where the alias is `champion`.

    Where an evaluation is missing it is asked for, and answered instead. Raises NotFound,
    GateFailed for a candidate that does not pass or cannot be compared, what an evaluation failed
    with, and Conflict where the gate is replaced at the same moment.
    """
    models = ModelRepository(session)
    dataset: Dataset | None = None
    gate_seen = models.find_gate(name) if alias == CHAMPION and not wish.force else None
    if gate_seen is not None:
        with suppress(NotFound):
            dataset = lock_dataset(session, str(gate_seen["dataset_id"]))
    model = models.lock(name)
    candidate = resolve(models, ModelReference(name, version=wish.version))
    row = models.find_alias(name, alias)
    if row is not None and row.version == wish.version:
        return AliasDetail.model_validate(row)
    noted: dict[str, Any] = {"reason": wish.reason} if wish.reason is not None else {}
    gate = model.gate if model is not None and alias == CHAMPION else None
    is_guarded = gate is not None or (alias == CHAMPION and candidate.quantized_key is not None)
    if wish.force and is_guarded:
        noted |= {"gate": gate}
        return AliasDetail.model_validate(
            point_alias(session, name, alias, wish.version, type_="forced", payload=noted)
        )
    if candidate.quantized_key is not None:
        _require_gate_for_int8(models, candidate, alias, gate)
    if gate is None:
        return AliasDetail.model_validate(
            point_alias(session, name, alias, wish.version, payload=noted)
        )
    if gate != gate_seen:
        raise Conflict(f"The gate of {name} was changed at the same moment; try again.")
    if dataset is None:
        raise GateFailed(
            f"The images of {name}'s gate were deleted: set another gate or promote with `force`."
        )
    champion = _find_champion(models, row, candidate)
    contest = _Contest(Gate.model_validate(gate), dataset, candidate, champion)
    verdict = _judge(session, contest, runtime)
    if isinstance(verdict, Asked):
        return verdict
    if not verdict.passed:
        raise GateFailed(
            f"{name}:{wish.version} does not pass the gate on the {verdict.split} images of "
            f"{verdict.dataset_id}. {' '.join(verdict.reasons)}"
        )
    noted |= {"verdict": verdict.model_dump(mode="json")}
    row = point_alias(session, name, alias, wish.version, payload=noted)
    return AliasDetail.model_validate(row).model_copy(update={"gate": verdict})


def roll_back(session: Session, name: str, alias: str) -> AliasDetail:
    """Let an alias point to where it pointed before its last move; a second time, back again.

    No gate stands in the way back. Raises NotFound, Conflict where the alias has not pointed
    elsewhere before or that version was deleted.
    """
    models = ModelRepository(session)
    models.lock(name)
    row = models.find_alias(name, alias)
    if row is None:
        raise no_alias(name, alias)
    last = events.find_last_move(session, name, alias)
    if last is None or last.from_version is None or last.version != row.version:
        raise Conflict(f"{name}@{alias} has not pointed to another version before.")
    if models.find_version(name, last.from_version) is None:
        raise Conflict(f"{name}:{last.from_version}, where {alias} pointed before, was deleted.")
    return AliasDetail.model_validate(
        point_alias(session, name, alias, last.from_version, type_="rolled_back")
    )


def _require_gate_for_int8(
    models: ModelRepository, candidate: ModelVersion, alias: str, gate: dict[str, Any] | None
) -> None:
    """Let nothing in int8 answer for a model but a champion that has passed a gate."""
    name = f"{candidate.name}:{candidate.version}"
    if alias == CHAMPION and gate is None:
        raise GateFailed(
            f"{name} is in int8 and becomes {CHAMPION} only through a gate: "
            f"PUT /models/{candidate.name}/gate first, or promote with `force`."
        )
    chosen = models.find_chosen()
    reference = str(ModelReference(candidate.name, alias=alias))
    if alias != CHAMPION and chosen is not None and chosen.model == reference:
        raise GateFailed(f"{name} is in int8, and {reference} is chosen: promote it to {CHAMPION}.")


def _require_gate(model: Model | None, name: str) -> Gate:
    if model is None:
        raise no_model(name)
    if model.gate is None:
        raise NotFound(f"The model '{name}' has no gate.")
    return Gate.model_validate(model.gate)


def _find_champion(
    models: ModelRepository, row: ModelAlias | None, candidate: ModelVersion
) -> ModelVersion | None:
    """The champion; for a candidate in int8 else the version that a bare name means until now."""
    if row is not None:
        return models.find_version(row.name, row.version)
    if candidate.quantized_key is not None:
        return models.find_newest_version(candidate.name)
    return None


def _judge(session: Session, contest: _Contest, runtime: Runtime) -> GateVerdict | Asked:
    """The gate's verdict, or the first evaluation that it waits for."""
    versions = [one for one in (contest.candidate, contest.champion) if one is not None]
    questions = [_ask(session, contest, version, runtime) for version in versions]
    answers: list[EvaluationAnswer] = []
    for question in questions:
        answer = question.find_answer()
        if answer is None:
            return question
        answers.append(answer)
    candidate, *champions = answers
    comparison = _compare(contest, candidate, champions[0]) if champions else None
    return _conclude(contest, candidate, comparison)


def _compare(
    contest: _Contest, candidate: EvaluationAnswer, champion: EvaluationAnswer
) -> Comparison:
    names = contest.candidate.class_names
    champion_names = contest.champion.class_names if contest.champion else names
    predicted = [names.index(champion_names[one]) for one in champion.predicted]
    return compare(names, candidate.targets, predicted, candidate.predicted)


def _ask(session: Session, contest: _Contest, version: ModelVersion, runtime: Runtime) -> Asked:
    try:
        return ask(session, version, contest.dataset, contest.gate.split, runtime=runtime)
    except ValidationFailed as error:
        raise GateFailed(f"The versions cannot be compared: {error.message}") from error


def _conclude(
    contest: _Contest, candidate: EvaluationAnswer, comparison: Comparison | None
) -> GateVerdict:
    gate = contest.gate
    versions = [one for one in (contest.candidate, contest.champion) if one is not None]
    warnings = [
        warning
        for version in versions
        for warning in list_warnings(version, contest.dataset, gate.split)
    ]
    empty = [one.class_name for one in candidate.figures.per_class if one.support == 0]
    if empty:
        warnings.append(f"Nothing is known of classes without images: {', '.join(empty)}.")
    reasons = find_objections(gate, comparison) if comparison else []
    return GateVerdict(
        passed=not reasons,
        dataset_id=gate.dataset_id,
        split=gate.split,
        num_images=candidate.figures.num_images,
        candidate_version=contest.candidate.version,
        candidate_accuracy=candidate.figures.accuracy,
        champion_version=contest.champion.version if contest.champion else None,
        champion_accuracy=comparison.champion_accuracy if comparison else None,
        only_champion_right=comparison.only_champion if comparison else None,
        only_candidate_right=comparison.only_candidate if comparison else None,
        p_value=comparison.p_value if comparison else None,
        class_drops=comparison.drops if comparison else [],
        reasons=reasons,
        warnings=warnings,
    )
