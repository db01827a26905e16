"""The choice of an architecture, over the real catalogue with invented speeds."""

from collections.abc import Callable

import pytest

from app.advice.schemas import Candidate
from app.errors import BudgetTooSmall, WeightsUnavailable
from app.ml.models.catalogue import Entry, get_entry, list_entries, num_parameters
from worker.advice.budget import Budget, choose_architecture, rank


def gflops(entry: Entry) -> float:
    return entry.get_weights("imagenet").gflops


def accuracy(entry: Entry) -> float:
    return entry.get_weights("imagenet").imagenet_accuracy


def choose(
    seconds: float | None = None,
    max_parameters: int | None = None,
    *,
    is_available: Callable[[Entry], bool] = lambda _: True,
    measure: Callable[[Entry], float] = gflops,
) -> tuple[Entry, list[Candidate]]:
    return choose_architecture(
        reversed(list_entries()),
        Budget(seconds, max_parameters),
        num_classes=2,
        is_available=is_available,
        estimate=gflops,
        measure=measure,
    )


def test_without_a_budget_the_most_accurate_is_chosen() -> None:
    entry, candidates = choose()
    assert accuracy(entry) == max(accuracy(one) for one in list_entries())
    assert [candidate.verdict for candidate in candidates] == ["chosen"]


def test_the_most_accurate_within_the_time_is_chosen() -> None:
    entry, candidates = choose(seconds=5.0)
    affordable = [one for one in list_entries() if gflops(one) <= 5.0]
    assert accuracy(entry) == max(accuracy(one) for one in affordable)
    assert {candidate.verdict for candidate in candidates[:-1]} == {"too slow"}
    assert candidates[-1].architecture == entry.name


def test_the_most_accurate_of_so_many_parameters_is_chosen() -> None:
    entry, _ = choose(max_parameters=5_000_000)
    small = [one for one in list_entries() if num_parameters(one, 2) <= 5_000_000]
    assert accuracy(entry) == max(accuracy(one) for one in small)


def test_what_the_estimate_lets_through_is_tried() -> None:
    first, _ = choose(seconds=5.0)
    tried: list[str] = []

    def measure(entry: Entry) -> float:
        tried.append(entry.name)
        if len(tried) == 2:
            raise MemoryError
        return 6.0 if len(tried) == 1 else 4.0

    entry, candidates = choose(seconds=5.0, measure=measure)
    assert (tried[0], tried[2]) == (first.name, entry.name)
    assert len(tried) == 3
    verdicts = {candidate.architecture: candidate.verdict for candidate in candidates}
    assert [verdicts[name] for name in tried] == [
        "too slow when tried",
        "too large for the memory",
        "chosen",
    ]


def test_only_weights_that_can_be_had_count() -> None:
    entry, _ = choose(is_available=lambda entry: entry.name in {"alexnet", "resnet18"})
    assert entry.name == "resnet18"
    with pytest.raises(WeightsUnavailable, match="GRAFT_WEIGHTS_DIR"):
        choose(is_available=lambda _: False)


def test_a_budget_too_small_names_what_would_come_nearest() -> None:
    fastest = min(list_entries(), key=gflops)
    with pytest.raises(BudgetTooSmall, match=fastest.name):
        choose(seconds=1e-6)
    smallest = min(list_entries(), key=lambda one: num_parameters(one, 2))
    with pytest.raises(BudgetTooSmall, match=smallest.name):
        choose(max_parameters=10)


def test_equals_have_one_order() -> None:
    twin = get_entry("resnet18").model_copy(update={"name": "a-twin"})
    names = [entry.name for entry in rank([get_entry("resnet18"), twin, get_entry("alexnet")])]
    assert names == ["a-twin", "resnet18", "alexnet"]
