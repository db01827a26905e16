"""Jobs, their epochs and reports as a person sees them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from graft_client.console.charts import Curve, chart
from graft_client.console.tables import facts, table, title
from graft_client.console.text import count, moment, one_line, share
from graft_client.console.views.portfolios import portfolio_parts
from graft_client.display.job import describe_progress
from graft_client.display.meter import format_accuracy, format_bytes, format_seconds

if TYPE_CHECKING:
    from graft_client.schemas.jobs import BestEpoch, Epoch, JobFields, Resolved
    from graft_client.schemas.plans import Validation
    from graft_client.schemas.portfolios import Portfolio
    from graft_client.schemas.reports import Report

_MAX_CLASSES = 10
_COLORS = ("green", "yellow", "cyan", "magenta", "red", "blue")
STATUS_STYLES = {"succeeded": "green", "failed": "red", "running": "cyan", "cancelled": "dim"}


def jobs_table(jobs: "Sequence[JobFields]") -> RenderableType:
    """Return jobs as rows."""
    headings = ("id", "model", "status", "recipe", "epoch", "val acc.", "created")
    rows = [
        (
            one.id,
            one.model.reference if one.model else one.config.get("model_name"),
            status_text(one.status),
            recipe(one.config),
            f"{one.progress.epoch}/{one.progress.epochs or 'auto'}",
            share(one.best.val_accuracy if one.best else None),
            moment(one.created_at),
        )
        for one in jobs
    ]
    return table(headings, rows, right=("epoch", "val acc."))


def status_text(status: str) -> Text:
    """Return a status in its colour."""
    return Text(status, style=STATUS_STYLES.get(status, ""))


def recipe(config: Mapping[str, Any]) -> str:
    """Return the strategy and the architecture."""
    return f"{config.get('strategy')} {config.get('architecture')}"


def job_parts(
    job: "JobFields", report: "Report | None" = None, portfolio: "Portfolio | None" = None
) -> list[RenderableType]:
    """Return a job with what it has reached.

    report is that of a job that has succeeded, portfolio that of a job with a time budget.
    """
    decided = job.resolved.config if job.resolved else None
    config, best = job.config | (decided or {}), job.best
    budget = config.get("time_budget_seconds")
    is_active = job.status in {"running", "cancelling"}
    seconds = (
        (job.finished_at - job.started_at).total_seconds()
        if job.finished_at and job.started_at
        else None
    )
    rows: list[tuple[str, object]] = [
        ("status", status_text(job.status)),
        ("error", f"{job.error.code}: {job.error.message}" if job.error else None),
        ("progress", describe_progress(job.progress, job) if is_active else None),
        ("dataset", job.dataset_id),
        ("study", job.study_id),
        ("recipe", recipe(config)),
        ("weights", config.get("weights")),
        ("time budget", None if budget is None else format_seconds(budget)),
        ("epochs", config.get("epochs")),
        ("batch size", config.get("batch_size")),
        ("seed", config.get("seed")),
        ("device", _describe_device(job.resolved) if job.resolved else None),
        ("best", _describe_best(best) if best else None),
        ("model", job.model.reference if job.model else None),
        ("created", moment(job.created_at)),
        ("took", None if seconds is None else format_seconds(seconds)),
    ]
    head = title(f"{job.id} {config.get('model_name') or ''}")
    return [
        head,
        facts(rows),
        *([] if portfolio is None else portfolio_parts(portfolio)),
        *([] if report is None else report_parts(report)),
    ]


def _describe_device(resolved: "Resolved") -> str | None:
    frozen = "frozen layers in OpenVINO" if resolved.frozen_engine == "openvino" else None
    parts = (resolved.device, resolved.precision, frozen)
    return ", ".join(part for part in parts if part) or None


def _describe_best(best: "BestEpoch") -> str:
    accuracy = format_accuracy(best.val_accuracy, best.val_balanced_accuracy)
    return f"val accuracy {accuracy} in epoch {best.epoch}"


def report_parts(report: "Report") -> list[RenderableType]:
    """Return the accuracy with its interval, and the classes with the lowest recall."""
    low, high = report.accuracy_interval
    warning = report.cross_validation and report.cross_validation.warning
    worst = sorted(report.per_class, key=lambda one: 1.0 if one.recall is None else one.recall)
    rows = [
        (one.class_name, share(one.recall), share(one.precision), share(one.f1), one.support)
        for one in worst[:_MAX_CLASSES]
    ]
    left = len(worst) - len(rows)
    headings = ("class", "recall", "precision", "F1", "images")
    return [
        title(
            f"Accuracy {share(report.accuracy)} ({share(low)}-{share(high)}), balanced "
            f"{share(report.balanced_accuracy)}, on {count(report.num_images, 'validation image')}"
        ),
        *([Text(one_line(f"Warning: {warning}"), style="yellow")] if warning else []),
        table(headings, rows, right=headings[1:]),
        *([f"{count(left, 'class', 'classes')} with a higher recall not shown."] if left else []),
    ]


def history_table(epochs: "Sequence[Epoch]", strengths: Sequence[float]) -> RenderableType:
    """Return epochs as rows; with `lbfgs`, the L2 strengths that they stand for."""
    first = "L2 strength" if strengths else "epoch"
    headings = (
        *(first, "train loss", "val loss", "train acc.", "val acc.", "balanced"),
        *("learning rate", "seconds"),
    )
    rows = [
        (
            f"{strengths[one.epoch - 1]:g}" if strengths else one.epoch,
            share(one.train_loss),
            share(one.val_loss),
            share(one.train_accuracy),
            share(one.val_accuracy) + ("*" if one.is_best else " "),
            share(one.val_balanced_accuracy),
            "-" if one.learning_rate is None else f"{one.learning_rate:.3g}",
            f"{one.seconds:.1f}",
        )
        for one in epochs
    ]
    return table(headings, rows, right=headings)


def job_charts(epochs: "Sequence[Epoch]", *, width: int, x_label: str) -> list[RenderableType]:
    """Return the accuracies and losses of one job by epoch."""
    parts: list[RenderableType] = []
    for kind, limits in (("accuracy", (0.0, 1.0)), ("loss", None)):
        curves = [
            Curve("validation", "green", _points(epochs, f"val_{kind}")),
            Curve("training", "yellow", _points(epochs, f"train_{kind}"), is_dashed=True),
        ]
        parts += chart(kind, curves[::-1], width=width, x_label=x_label, limits=limits)
    return parts


def compared_charts(
    histories: "Mapping[str, Sequence[Epoch]]", *, width: int
) -> list[RenderableType]:
    """Return the validation accuracies and losses of several jobs by epoch."""
    parts: list[RenderableType] = []
    for kind, limits in (("accuracy", (0.0, 1.0)), ("loss", None)):
        curves = [
            Curve(
                name, _COLORS[index % len(_COLORS)], _points(epochs, f"val_{kind}"), index % 2 == 1
            )
            for index, (name, epochs) in enumerate(histories.items())
        ]
        parts += chart(f"validation {kind}", curves, width=width, x_label="epoch", limits=limits)
    return parts


def _points(epochs: "Sequence[Epoch]", column: str) -> list[tuple[float, float]]:
    return [(float(one.epoch), float(getattr(one, column))) for one in epochs]


def validation_parts(validation: "Validation") -> list[RenderableType]:
    """Return what a job would need, or why it would be refused."""
    if not validation.is_valid:
        lines = [f"{one.code}: {one.message}" for one in validation.problems]
        return [title("The service would refuse this job"), *lines]
    measured, seconds = validation.measured, validation.estimated_seconds
    peak = measured.peak_memory_bytes if measured else None
    return [
        title("The service would accept this job"),
        facts(
            [
                ("recipe", recipe(validation.config or {})),
                ("parameters", _number(validation.num_parameters)),
                ("of them trained", _number(validation.num_trainable_parameters)),
                ("device", measured.device if measured else None),
                ("memory", None if peak is None else format_bytes(peak)),
                ("time", None if seconds is None else f"about {format_seconds(seconds)}"),
            ]
        ),
    ]


def _number(number: int | None) -> str:
    return "decided by the job" if number is None else f"{number:,}"
