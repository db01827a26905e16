"""Choose the most accurate architecture on ImageNet that is available and within the budget."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app.advice.schemas import Candidate
from app.errors import BudgetTooSmall, WeightsUnavailable
from app.ml.models.catalogue import ArchitectureSpec, num_parameters


@dataclass(frozen=True)
class Budget:
    """The limits of a training; None means no limit."""

    seconds: float | None
    max_parameters: int | None


def rank(architectures: Iterable[ArchitectureSpec]) -> list[ArchitectureSpec]:
    """Sort by ImageNet accuracy, then by multiply-adds, then by name, so that no two are equal."""
    return sorted(
        architectures,
        key=lambda architecture: (
            -_weights(architecture)[0],
            _weights(architecture)[1],
            architecture.name,
        ),
    )


def choose_architecture(  # noqa: PLR0913 -- three callables with the facts they need
    architectures: Iterable[ArchitectureSpec],
    budget: Budget,
    *,
    num_classes: int,
    is_available: Callable[[ArchitectureSpec], bool],
    estimate: Callable[[ArchitectureSpec], float],
    measure: Callable[[ArchitectureSpec], float],
) -> tuple[ArchitectureSpec, list[Candidate]]:
    """Return the first architecture of the ranking within the budget, and all candidates up to it.

    estimate computes the seconds of the whole training by arithmetic; measure runs a batch, and
    raises MemoryError where it does not fit. Only architectures whose estimate is within the budget
    are measured. Without a budget of seconds, neither function is called.
    Raises WeightsUnavailable where no weights are available, else BudgetTooSmall with the smallest
    or the fastest candidate.
    """
    candidates: list[Candidate] = []
    for architecture in rank(architectures):
        seconds = None
        verdict = "chosen"
        if (budget.max_parameters or _size(architecture, num_classes)) < _size(
            architecture, num_classes
        ):
            verdict = "too many parameters"
        elif not is_available(architecture):
            verdict = "no weights"
        elif budget.seconds is not None:
            seconds = estimate(architecture)
            if seconds > budget.seconds:
                verdict = "too slow"
            else:
                seconds, verdict = _try(measure, architecture, budget.seconds)
        candidates.append(_describe(architecture, num_classes, seconds, verdict))
        if verdict == "chosen":
            return architecture, candidates
    raise _explain(candidates)


def _try(
    measure: Callable[[ArchitectureSpec], float],
    architecture: ArchitectureSpec,
    budget_seconds: float,
) -> tuple[float | None, str]:
    try:
        seconds = measure(architecture)
    except MemoryError:
        return None, "too large for the memory"
    return seconds, "too slow when tried" if seconds > budget_seconds else "chosen"


def _weights(architecture: ArchitectureSpec) -> tuple[float, float]:
    weights = architecture.get_weights("imagenet")
    return weights.imagenet_accuracy or 0.0, weights.gflops


def _size(architecture: ArchitectureSpec, num_classes: int) -> int:
    return num_parameters(architecture, num_classes)


def _describe(
    architecture: ArchitectureSpec, num_classes: int, seconds: float | None, verdict: str
) -> Candidate:
    return Candidate.model_validate(
        {
            "architecture": architecture.name,
            "imagenet_accuracy": _weights(architecture)[0],
            "num_parameters": _size(architecture, num_classes),
            "estimated_seconds": seconds,
            "verdict": verdict,
        }
    )


def _explain(candidates: list[Candidate]) -> BudgetTooSmall | WeightsUnavailable:
    slow = [one for one in candidates if one.estimated_seconds is not None]
    if slow:
        fastest = min(slow, key=lambda one: (one.estimated_seconds or 0.0, one.architecture))
        return BudgetTooSmall(
            "No architecture with available weights trains within time_budget_seconds; the "
            f"fastest, {fastest.architecture}, needs about {fastest.estimated_seconds:.1f} s. "
            "Raise the budget, or use fewer epochs."
        )
    large = [one for one in candidates if one.verdict == "too many parameters"]
    if len(large) == len(candidates) and large:
        smallest = min(large, key=lambda one: (one.num_parameters, one.architecture))
        return BudgetTooSmall(
            "No architecture has at most max_parameters parameters; the smallest, "
            f"{smallest.architecture}, has {smallest.num_parameters}."
        )
    return WeightsUnavailable(
        "No architecture within the budget has pretrained weights on this machine, and none can be "
        "downloaded. Put weights into the folder named by GRAFT_WEIGHTS_DIR."
    )
