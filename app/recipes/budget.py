"""Check a job request with a time budget: what it leaves to the job's search."""

from app.errors import InputProblem, ValidationFailed
from app.recipes.schemas import JobRequest

_ALLOWED = frozenset(
    {
        "dataset_id",
        "architecture",
        "strategy",
        "time_budget_seconds",
        "max_parameters",
        "weights",
        "preset",
        "batch_size",
        "input_size",
        "seed",
        "num_threads",
        "precision",
        "class_balance",
        "model_name",
        "metadata",
    }
)
"""Fields that a request may have beside a time budget; the search decides the others."""

_STRATEGIES = ("auto", "feature_extract", "fine_tune")


def check_budget(request: JobRequest) -> None:
    """Raise ValidationFailed if a request's fields leave nothing to its time budget."""
    problems = []
    if "auto" not in {request.architecture, request.strategy}:
        problems.append(
            _problem(
                "time_budget_seconds",
                '`time_budget_seconds` needs `"architecture": "auto"` or `"strategy": "auto"`; '
                "otherwise nothing is left to decide.",
                "left out",
            )
        )
    if request.strategy not in {None, *_STRATEGIES}:
        problems.append(
            _problem(
                "strategy",
                f"`strategy` is {request.strategy}; with a time budget it must be "
                f"{', '.join(_STRATEGIES[:-1])} or {_STRATEGIES[-1]}.",
                *_STRATEGIES,
            )
        )
    if request.preset != "recommended":
        problems.append(
            _problem(
                "preset",
                f"`preset` is {request.preset}; with a time budget it must be recommended.",
                "recommended",
            )
        )
    problems += [
        _problem(
            name,
            f"`{name}` cannot be given together with `time_budget_seconds`: the search decides it.",
            "left out",
        )
        for name in sorted(request.model_fields_set - _ALLOWED)
    ]
    if request.class_balance == "sampling":
        problems.append(
            _problem(
                "class_balance",
                "`class_balance` is sampling; with a time budget it must be auto, loss or none, "
                "because each head is solved with each image once.",
                "auto",
                "loss",
                "none",
            )
        )
    if problems:
        raise ValidationFailed(*problems)


def _problem(field: str, message: str, *allowed: str) -> InputProblem:
    return InputProblem(("body", field), message, allowed)
