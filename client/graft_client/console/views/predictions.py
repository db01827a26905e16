"""Predictions as a person sees them."""

from collections import Counter
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from graft_client.console.tables import table, title
from graft_client.console.text import count, one_line, pairs, share

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graft_client.console.predictions import Row

MAX_ROWS = 100


def prediction_parts(rows: "Iterable[Row]") -> list[RenderableType]:
    """Return one image with all its classes, or several as rows with counts by label."""
    shown: list[Row] = []
    labels: Counter[str] = Counter()
    num_images = num_failed = 0
    for row in rows:
        num_images += 1
        if row.error is None:
            labels[row.predictions[0].label] += 1
        else:
            num_failed += 1
        if len(shown) < MAX_ROWS:
            shown.append(row)
    if len(shown) == 1 and shown[0].error is None:
        return _single_parts(shown[0])
    parts: list[RenderableType] = [_table(shown)] if shown else []
    if num_images > len(shown):
        parts.append(f"{num_images - len(shown):,} more are not shown; use --csv or --json.")
    by_label = pairs(dict(labels.most_common()))
    failed = f"; {count(num_failed, 'image')} could not be read" if num_failed else ""
    return [*parts, one_line(f"{count(num_images, 'image')}: {by_label}{failed}")]


def _single_parts(row: "Row") -> list[RenderableType]:
    has_logits = any(one.logit is not None for one in row.predictions)
    headings = ("class", "probability", *(["logit"] if has_logits else []))
    rows = [
        (one.label, share(one.probability), *([f"{one.logit:.3f}"] if has_logits else []))
        for one in row.predictions
    ]
    parts: list[RenderableType] = [
        title(f"{row.path} by {row.model.reference}"),
        table(headings, rows, right=headings[1:]),
    ]
    if row.prediction_set is not None:
        found = ", ".join(row.prediction_set.labels) or "none"
        parts.append(f"{row.prediction_set.coverage:.1%} set: {one_line(found)}")
    if row.novelty is not None and row.novelty.is_novel:
        parts.append(
            Text("Unlike the training images, so the label is unreliable.", style="yellow")
        )
    return parts


def _table(rows: "list[Row]") -> RenderableType:
    with_set = any(row.prediction_set is not None for row in rows)
    with_truth = any(row.label is not None for row in rows)
    headings = (
        "image",
        *(["true label"] if with_truth else []),
        *("label", "probability"),
        *(["set"] if with_set else []),
        "remark",
    )
    return table(
        headings,
        [_cells(row, with_set=with_set, with_truth=with_truth) for row in rows],
        right=("probability",),
    )


def _cells(row: "Row", *, with_set: bool, with_truth: bool) -> list[object]:
    best = row.predictions[0] if row.predictions else None
    remark: str | Text = ""
    if row.error is not None:
        remark = Text(one_line(f"{row.error.code}: {row.error.message}"), style="red")
    elif row.novelty is not None and row.novelty.is_novel:
        remark = Text("unlike the training images", style="yellow")
    labels = row.prediction_set.labels if row.prediction_set else []
    return [
        row.path,
        *([row.label] if with_truth else []),
        best.label if best else None,
        share(best.probability if best else None),
        *([", ".join(labels) or "-"] if with_set else []),
        remark,
    ]
