"""Models, aliases, gates and evaluations as a person sees them."""

import json
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from graft_client.console.tables import facts, table, title
from graft_client.console.text import count, moment, one_line, pairs, share
from graft_client.display.meter import format_accuracy, format_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graft_client.schemas.models import (
        Alias,
        ChosenModel,
        Evaluation,
        Gate,
        GateResult,
        ModelEvent,
        ModelSummary,
        Quantization,
        VersionFields,
    )

_MAX_DROPS = 5


def models_table(models: "Sequence[ModelSummary]") -> RenderableType:
    """Return models as rows."""
    rows = [
        (
            one.name,
            one.newest_version,
            share(one.newest.val_accuracy if one.newest else None),
            share(one.newest.val_balanced_accuracy if one.newest else None),
            one.newest.architecture if one.newest else None,
            pairs(one.aliases),
            moment(one.newest.created_at if one.newest else None),
        )
        for one in models
    ]
    headings = ("name", "newest", "val acc.", "balanced", "architecture", "aliases", "registered")
    return table(headings, rows, right=("newest", "val acc.", "balanced"))


def model_parts(model: "ModelSummary", versions: "Sequence[VersionFields]") -> list[RenderableType]:
    """Return a model with its versions."""
    rows = [
        (
            one.version,
            ", ".join(one.aliases) or "-",
            one.architecture + (f", int8 of {one.quantized_from}" if one.quantized_from else ""),
            share(one.val_accuracy),
            share(one.val_balanced_accuracy),
            len(one.class_names),
            format_bytes(one.num_bytes),
            one.job_id,
            moment(one.created_at),
        )
        for one in versions
    ]
    headings = (
        *("version", "aliases", "architecture", "val acc.", "balanced", "classes", "size", "job"),
        "registered",
    )
    parts: list[RenderableType] = [title(model.name)]
    if model.metadata:
        parts.append(facts(model.metadata.items()))
    return [
        *parts,
        table(headings, rows, right=("version", "val acc.", "balanced", "classes", "size")),
    ]


def alias_parts(alias: "Alias") -> list[RenderableType]:
    """Return where an alias points to now, and the result of the gate."""
    line = f"{alias.name}@{alias.alias} is version {alias.version} now."
    return [line, *([] if alias.gate is None else _gate_result_parts(alias.gate))]


def _gate_result_parts(result: "GateResult") -> list[RenderableType]:
    parts: list[RenderableType] = [
        facts(
            [
                ("gate", "passed" if result.passed else "refused"),
                ("images", f"{result.num_images} of {result.dataset_id}, {result.split}"),
                ("candidate", f"{result.candidate_version}: {share(result.candidate_accuracy)}"),
                (
                    "champion",
                    None
                    if result.champion_version is None
                    else f"{result.champion_version}: {share(result.champion_accuracy)}",
                ),
                ("p value", None if result.p_value is None else f"{result.p_value:.3g}"),
            ]
        )
    ]
    parts += [one_line(text) for text in (*result.reasons, *result.warnings)]
    drops = [one for one in result.class_drops if one.drop > 0][:_MAX_DROPS]
    if drops:
        rows = [
            (one.class_name, share(one.champion_recall), share(one.candidate_recall))
            for one in drops
        ]
        parts.append(table(("class with a lower recall", "champion", "candidate"), rows))
    return parts


def gate_parts(name: str, gate: "Gate") -> list[RenderableType]:
    """Return the conditions of a gate."""
    return [
        title(f"Gate of {name}"),
        facts(
            [
                ("dataset", f"{gate.dataset_id}, {gate.split}"),
                ("required", gate.require),
                ("largest class drop", gate.max_class_drop),
                ("significance", gate.significance),
            ]
        ),
    ]


def serving_parts(chosen: "ChosenModel") -> list[RenderableType]:
    """Return the serving model and its shadow."""
    shadow = chosen.shadow
    tally = shadow.tally if shadow else None
    return [
        facts(
            [
                ("serving", f"{chosen.model} (version {chosen.resolved.version})"),
                (
                    "shadow",
                    f"{shadow.model} (version {shadow.resolved.version}), {shadow.fraction:.0%} of "
                    "the images"
                    if shadow
                    else None,
                ),
                (
                    "agreement",
                    f"{share(tally.agreement)} on {count(tally.num_images, 'image')}"
                    if tally
                    else None,
                ),
            ]
        )
    ]


def evaluation_parts(evaluation: "Evaluation") -> list[RenderableType]:
    """Return the accuracy of a version on a dataset, and its classes, the worst first."""
    low, high = evaluation.accuracy_interval
    ranked = sorted(evaluation.per_class, key=lambda one: 1.0 if one.recall is None else one.recall)
    rows = [
        (one.class_name, share(one.recall), share(one.precision), share(one.f1), one.support)
        for one in ranked
    ]
    headings = ("class", "recall", "precision", "F1", "images")
    return [
        title(f"{evaluation.reference} on {evaluation.dataset_id}, {evaluation.split}"),
        facts(
            [
                ("accuracy", f"{share(evaluation.accuracy)} ({share(low)}-{share(high)})"),
                ("balanced", share(evaluation.balanced_accuracy)),
                ("images", evaluation.num_images),
                ("calibration error", share(evaluation.calibration_error)),
            ]
        ),
        table(headings, rows, right=headings[1:]),
        *(Text(one_line(one), style="yellow") for one in evaluation.warnings),
    ]


def quantization_parts(version: "Quantization") -> list[RenderableType]:
    """Return the new version and its differences from the float version."""
    int8 = format_accuracy(version.int8_accuracy, version.int8_balanced_accuracy)
    before = format_accuracy(version.float_accuracy, version.float_balanced_accuracy)
    return [
        title(f"{version.reference} is version {version.quantized_from} in int8"),
        facts(
            [
                ("accuracy", f"{int8}, float {before}"),
                ("labels changed", f"{version.num_changed} of {version.num_images}"),
                ("largest difference", f"{share(version.max_probability_difference)}"),
            ]
        ),
    ]


def events_table(events: "Sequence[ModelEvent]") -> RenderableType:
    """Return the events of a model as rows."""
    rows = [
        (
            moment(one.created_at),
            one.type,
            one.version,
            one.alias,
            one.from_version,
            json.dumps(one.payload, ensure_ascii=False) if one.payload else None,
        )
        for one in events
    ]
    headings = ("time", "event", "version", "alias", "from", "details")
    return table(headings, rows, right=("version", "from"))
