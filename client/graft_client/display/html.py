"""HTML of the resources for notebooks; everything from the service is escaped.

Colours are those of the page (`currentColor`), so that light and dark notebooks both work.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from graft_client.display.curves import curves_svg
from graft_client.display.meter import format_accuracy, format_bytes, format_seconds

if TYPE_CHECKING:
    from graft_client.schemas.datasets import DatasetFields, DatasetImageFields
    from graft_client.schemas.jobs import Epoch, JobFields
    from graft_client.schemas.models import ModelSummary, VersionFields
    from graft_client.schemas.plans import Advice
    from graft_client.schemas.predictions import ImagePredictions
    from graft_client.schemas.reports import Report
    from graft_client.schemas.studies import StudyFields

MAX_ROWS = 50
_MAX_IMAGE_BYTES = 2_000_000
_GREEN = "#2f6f4e"
_SIGNATURES = {
    b"\x89PNG": "image/png",
    b"\xff\xd8": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
    b"BM": "image/bmp",
}


def dataset_html(dataset: "DatasetFields", preview: bytes | None) -> str:
    """Return a dataset with its counts by class and split, findings and a few images."""
    splits = list(dataset.splits)
    rows = [
        [name, *(str(dataset.splits[split].per_class.get(name, 0)) for split in splits)]
        for name in dataset.class_names
    ]
    counts = dataset.report.counts.model_dump()
    findings = ", ".join(
        f"{count} {name.replace('_', ' ')}"
        for name, count in counts.items()
        if count and name != "images"
    )
    facts = [dataset.status, f"{dataset.num_images} images", format_bytes(dataset.num_bytes)]
    error = f"<p>{escape(dataset.error.message)}</p>" if dataset.error else ""
    return _block(
        f"{dataset.name} ({dataset.id})",
        f"<p>{escape(', '.join(facts))}</p>{error}"
        + table(["class", *splits], rows)
        + (f"<p>{escape(findings)}</p>" if findings else "")
        + _picture(preview, f"images of {dataset.name}", width=320),
    )


def image_html(image: "DatasetImageFields", thumbnail: bytes | None) -> str:
    """Return an image of a dataset with its facts."""
    facts = [image.split, image.class_name, f"{image.width} x {image.height}", *image.findings]
    return _block(
        image.path, _picture(thumbnail, image.path) + f"<p>{escape(', '.join(facts))}</p>"
    )


def job_html(job: "JobFields", epochs: Sequence["Epoch"]) -> str:
    """Return a job with its status, progress, best epoch and curves."""
    config = job.config
    rows = [
        ["status", job.status],
        ["recipe", f"{config.get('strategy')} {config.get('architecture')}"],
        ["dataset", job.dataset_id],
    ]
    if job.best is not None:
        accuracy = format_accuracy(job.best.val_accuracy, job.best.val_balanced_accuracy)
        rows.append(["best validation accuracy", f"{accuracy} in epoch {job.best.epoch}"])
    if job.model is not None:
        rows.append(["model", job.model.reference])
    if job.error is not None:
        rows.append(["error", f"{job.error.code}: {job.error.message}"])
    bar = ""
    if job.status in {"running", "cancelling"} and job.progress.steps:
        progress = job.progress
        eta = progress.eta_seconds
        text = f"epoch {progress.epoch} of {progress.epochs or 'auto'}" + (
            "" if eta is None else f", {format_seconds(eta)} left"
        )
        bar = progress_html("", progress.step, progress.steps, text)
    title = str(config.get("model_name") or job.id)
    return _block(title, table(["", job.id], rows) + bar + curves_svg(epochs))


def history_html(epochs: Sequence["Epoch"]) -> str:
    """Return the epochs as a table; of many, the last ones."""
    columns = (
        *("train_loss", "val_loss", "train_accuracy", "val_accuracy"),
        "val_balanced_accuracy",
    )
    rows = [
        [
            f"{epoch.epoch}{' *' if epoch.is_best else ''}",
            *(_number(getattr(epoch, column)) for column in columns),
            "" if epoch.learning_rate is None else f"{epoch.learning_rate:.3g}",
            f"{epoch.seconds:.1f}",
        ]
        for epoch in epochs[-MAX_ROWS:]
    ]
    headings = ["epoch", *(column.replace("_", " ") for column in columns), "rate", "seconds"]
    left = len(epochs) - len(rows)
    note = f"<p>{left} earlier epochs are not shown; * is the best epoch.</p>" if left > 0 else ""
    return table(headings, rows) + note


def prediction_html(prediction: "ImagePredictions", image: bytes | None) -> str:
    """Return the image, its heat map, and the classes as bars."""
    heat = prediction.explanation
    pictures = _picture(image, "the image", width=160) + (
        _picture(heat.png, f"heat map of {heat.label}", width=160) if heat else ""
    )
    notes = []
    if prediction.prediction_set is not None:
        labels = ", ".join(prediction.prediction_set.labels) or "none"
        notes.append(f"{prediction.prediction_set.coverage:.1%} set: {labels}")
    if prediction.novelty is not None and prediction.novelty.is_novel:
        notes.append("unlike anything in training")
    bars = "".join(
        f"<tr><td>{escape(one.label)}</td><td>{_bar(one.probability)}</td>"
        f'<td style="text-align:right">{one.probability:.3f}</td></tr>'
        for one in prediction.predictions
    )
    return _block(
        prediction.model.reference,
        f'<div style="display:flex;gap:12px;align-items:flex-start">{pictures}'
        f"<table>{bars}</table></div>" + "".join(f"<p>{escape(note)}</p>" for note in notes),
    )


def report_html(report: "Report") -> str:
    """Return the accuracy with its interval, and the metrics by class, the worst recall first."""
    low, high = report.accuracy_interval
    warning = report.cross_validation and report.cross_validation.warning
    ranked = sorted(report.per_class, key=lambda one: 1.0 if one.recall is None else one.recall)
    rows = [
        [
            one.class_name,
            _number(one.recall),
            _number(one.precision),
            _number(one.f1),
            f"{one.support}",
        ]
        for one in ranked[:MAX_ROWS]
    ]
    left = len(ranked) - len(rows)
    return _block(
        f"Report on {report.job_id}",
        f"<p>accuracy {report.accuracy:.3f} ({low:.3f}-{high:.3f}) on {report.num_images} images, "
        f"balanced {report.balanced_accuracy:.3f}, {len(report.mistakes)} mistakes listed</p>"
        + (f"<p>Warning: {escape(warning)}</p>" if warning else "")
        + table(["class", "recall", "precision", "F1", "images"], rows)
        + (f"<p>{left} classes with a higher recall are not shown.</p>" if left > 0 else ""),
    )


def advice_html(advice: "Advice") -> str:
    """Return the advised strategy with its expected accuracy and the reason."""
    accuracy = advice.expected_accuracy
    rows = [
        ["strategy", advice.strategy],
        ["architecture", advice.architecture],
        ["expected accuracy", f"{accuracy.value:.3f} ({accuracy.low:.3f}-{accuracy.high:.3f})"],
        ["expected time", format_seconds(advice.expected_seconds)],
    ]
    return _block("Advice", table(["", ""], rows) + f"<p>{escape(advice.reason)}</p>")


def model_html(model: "ModelSummary", versions: Sequence["VersionFields"]) -> str:
    """Return a model with its versions and aliases."""
    rows = [
        [
            str(version.version),
            ", ".join(version.aliases),
            version.architecture,
            f"{version.val_accuracy:.3f}",
            _number(version.val_balanced_accuracy),
            f"{version.created_at:%Y-%m-%d %H:%M}",
        ]
        for version in versions[:MAX_ROWS]
    ]
    headings = [
        *("version", "aliases", "architecture", "validation accuracy", "balanced", "created"),
    ]
    return _block(model.name, table(headings, rows))


def study_html(study: "StudyFields") -> str:
    """Return a study's configurations by rank."""
    rows = []
    for one in study.ranking[:MAX_ROWS]:
        score = one.best_val_accuracy
        interval = score.interval if score else None
        rows.append(
            [
                str(one.rank or "-"),
                one.name,
                f"{score.mean:.3f}" if score else "-",
                f"{interval.low:.3f}-{interval.high:.3f}" if interval else "-",
                _number(one.best_val_balanced_accuracy),
                str(len(one.runs)),
            ]
        )
    headings = [
        *("rank", "configuration", "best validation accuracy", "interval", "balanced", "runs"),
    ]
    return _block(f"{study.name} ({study.status})", table(headings, rows))


def progress_html(title: str, done: int, total: int | None, text: str) -> str:
    """Return a bar with a text; without a total the bar is empty."""
    share = min(1.0, done / total) if total else 0.0
    return (
        f'<div style="display:flex;gap:8px;align-items:center"><span>{escape(title)}</span>'
        f"{_bar(share, width=200)}<span>{escape(text)}</span></div>"
    )


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are text."""
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _block(title: str, content: str) -> str:
    return f"<div><strong>{escape(title)}</strong>{content}</div>"


def _bar(share: float, *, width: int = 120) -> str:
    return (
        f'<span role="img" aria-label="{share:.0%}" style="display:inline-block;width:{width}px;'
        f'height:10px;border:1px solid currentColor;border-radius:3px;overflow:hidden">'
        f'<span style="display:block;height:100%;width:{share * 100:.1f}%;background:{_GREEN}">'
        "</span></span>"
    )


def _picture(data: bytes | None, name: str, *, width: int = 256) -> str:
    """Return an image, if a browser can show it and it is not too large for a page."""
    if data is None or len(data) > _MAX_IMAGE_BYTES:
        return ""
    media_type = next((kind for start, kind in _SIGNATURES.items() if data.startswith(start)), None)
    if media_type is None:
        return ""
    source = f"data:{media_type};base64,{b64encode(data).decode()}"
    return f'<img src="{source}" alt="{escape(name)}" style="max-width:{width}px">'


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
