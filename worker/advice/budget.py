"""Which architecture to take: the most accurate on ImageNet that can be had and afforded."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app.advice.schemas import Candidate
from app.errors import BudgetTooSmall, WeightsUnavailable
from app.ml.models.catalogue import Entry, num_parameters


@dataclass(frozen=True)
class Budget:
    """What a training may cost; None where it does not matter."""

    seconds: float | None
    max_parameters: int | None


def rank(entries: Iterable[Entry]) -> list[Entry]:
    """By ImageNet accuracy, then by arithmetic, then by name, so that there is always one order."""
    return sorted(entries, key=lambda entry: (-_weights(entry)[0], _weights(entry)[1], entry.name))


def choose_architecture(  # noqa: PLR0913 -- each is one thing the caller knows
    entries: Iterable[Entry],
    budget: Budget,
    *,
    num_classes: int,
    is_available: Callable[[Entry], bool],
    estimate: Callable[[Entry], float],
    measure: Callable[[Entry], float],
) -> tuple[Entry, list[Candidate]]:
    """The first architecture of the ranking within the budget, and all that were considered.

    estimate gives the seconds of the whole training by arithmetic, measure by trying a batch, and
    MemoryError where that does not fit: only what the estimate lets through is tried. Both are
    asked only where there is a budget of seconds.
    Raises WeightsUnavailable where no weights can be had at all, else BudgetTooSmall, which names
    the smallest or the fastest.
    """
    considered: list[Candidate] = []
    for entry in rank(entries):
        seconds = None
        verdict = "chosen"
        if (budget.max_parameters or _size(entry, num_classes)) < _size(entry, num_classes):
            verdict = "too many parameters"
        elif not is_available(entry):
            verdict = "no weights"
        elif budget.seconds is not None:
            seconds = estimate(entry)
            if seconds > budget.seconds:
                verdict = "too slow"
            else:
                seconds, verdict = _try(measure, entry, budget.seconds)
        considered.append(_describe(entry, num_classes, seconds, verdict))
        if verdict == "chosen":
            return entry, considered
    raise _explain(considered)


def _try(
    measure: Callable[[Entry], float], entry: Entry, budget_seconds: float
) -> tuple[float | None, str]:
    try:
        seconds = measure(entry)
    except MemoryError:
        return None, "too large for the memory"
    return seconds, "too slow when tried" if seconds > budget_seconds else "chosen"


def _weights(entry: Entry) -> tuple[float, float]:
    weights = entry.get_weights("imagenet")
    return weights.imagenet_accuracy, weights.gflops


def _size(entry: Entry, num_classes: int) -> int:
    return num_parameters(entry, num_classes)


def _describe(entry: Entry, num_classes: int, seconds: float | None, verdict: str) -> Candidate:
    return Candidate.model_validate(
        {
            "architecture": entry.name,
            "imagenet_accuracy": _weights(entry)[0],
            "num_parameters": _size(entry, num_classes),
            "estimated_seconds": seconds,
            "verdict": verdict,
        }
    )


def _explain(considered: list[Candidate]) -> BudgetTooSmall | WeightsUnavailable:
    slow = [one for one in considered if one.estimated_seconds is not None]
    if slow:
        fastest = min(slow, key=lambda one: (one.estimated_seconds or 0.0, one.architecture))
        return BudgetTooSmall(
            "No architecture whose weights can be had here trains within time_budget_seconds; the "
            f"fastest, {fastest.architecture}, would take about {fastest.estimated_seconds:.1f}."
        )
    large = [one for one in considered if one.verdict == "too many parameters"]
    if len(large) == len(considered) and large:
        smallest = min(large, key=lambda one: (one.num_parameters, one.architecture))
        return BudgetTooSmall(
            "No architecture has so few parameters; the smallest, "
            f"{smallest.architecture}, has {smallest.num_parameters}."
        )
    return WeightsUnavailable(
        "No architecture within the budget has pretrained weights on this machine, and none can be "
        "downloaded. Put some into the folder named by GRAFT_WEIGHTS_DIR."
    )
