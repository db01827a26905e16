"""What a job with a time budget tried, as a person sees it."""

from typing import TYPE_CHECKING

from rich.console import RenderableType

from graft_client.console.tables import table, title
from graft_client.console.text import count, share

if TYPE_CHECKING:
    from graft_client.schemas.base import Proportion
    from graft_client.schemas.portfolios import Portfolio


def portfolio_parts(portfolio: "Portfolio") -> list[RenderableType]:
    """Return the candidates with expected and actual figures, and the decision in sentences."""
    headings = ("candidate", "expected s", "took s", "expected acc.", "accuracy", "result")
    rows = [
        (
            f"{one.architecture}{'*' if one.architecture == portfolio.chosen else ''}",
            _seconds(one.expected_seconds),
            _seconds(one.used_seconds),
            share(one.expected_accuracy),
            _interval(one.accuracy),
            one.state if one.state == "tried" else f"{one.state}: {one.reason}",
        )
        for one in portfolio.candidates
    ]
    trials = [*portfolio.other_trials, *([portfolio.trial] if portfolio.trial else [])]
    rows += [
        (
            f"trial of {one.architecture or portfolio.chosen}, {count(one.epochs, 'epoch')}",
            "-",
            _seconds(one.used_seconds),
            "-",
            share(one.accuracy),
            f"head {share(one.head_accuracy)}",
        )
        for one in sorted(trials, key=lambda one: one.started_at_seconds)
    ]
    planned = portfolio.fine_tuning
    if planned is not None:
        rows.append(
            (
                f"fine-tuning, {count(planned.epochs, 'epoch')}",
                _seconds(planned.expected_seconds),
                _seconds(planned.used_seconds),
                share(planned.expected_accuracy.value if planned.expected_accuracy else None),
                _interval(planned.accuracy),
                "planned" if planned.best_epoch is None else f"best epoch {planned.best_epoch}",
            )
        )
    expected = portfolio.expected_accuracy
    used, budget = portfolio.used_seconds, portfolio.time_budget_seconds
    return [
        title(f"Time budget: {used:.0f} of {budget:g} s used  (* the best candidate)"),
        table(headings, rows, right=headings[1:5]),
        *([portfolio.explanation] if portfolio.explanation else []),
        *([f"Expected accuracy of the model: {_interval(expected)}"] if expected else []),
    ]


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f}"


def _interval(accuracy: "Proportion | None") -> str:
    if accuracy is None:
        return "-"
    return f"{share(accuracy.value)} ({share(accuracy.low)}-{share(accuracy.high)})"
