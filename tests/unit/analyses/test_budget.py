"""Choose an architecture from the real catalogue with invented speeds."""

from collections.abc import Callable

import pytest

from app.advice.schemas import Candidate
from app.errors import BudgetTooSmall, WeightsUnavailable
from app.ml.models.catalogue import (
    ArchitectureSpec,
    get_architecture,
    list_architectures,
    num_parameters,
)
from worker.advice.budget import Budget, choose_architecture, rank


def gflops(architecture: ArchitectureSpec) -> float:
    return architecture.get_weights("imagenet").gflops


def accuracy(architecture: ArchitectureSpec) -> float:
    return architecture.get_weights("imagenet").imagenet_accuracy or 0.0


def choose(
    seconds: float | None = None,
    max_parameters: int | None = None,
    *,
    is_available: Callable[[ArchitectureSpec], bool] = lambda _: True,
    measure: Callable[[ArchitectureSpec], float] = gflops,
) -> tuple[ArchitectureSpec, list[Candidate]]:
    return choose_architecture(
        reversed(list_architectures()),
        Budget(seconds, max_parameters),
        num_classes=2,
        is_available=is_available,
        estimate=gflops,
        measure=measure,
    )


def test_without_a_budget_the_most_accurate_is_chosen() -> None:
    architecture, candidates = choose()
    assert accuracy(architecture) == max(accuracy(one) for one in list_architectures())
    assert [candidate.verdict for candidate in candidates] == ["chosen"]


def test_the_most_accurate_within_the_time_is_chosen() -> None:
    architecture, candidates = choose(seconds=5.0)
    affordable = [one for one in list_architectures() if gflops(one) <= 5.0]
    assert accuracy(architecture) == max(accuracy(one) for one in affordable)
    assert {candidate.verdict for candidate in candidates[:-1]} == {"too slow"}
    assert candidates[-1].architecture == architecture.name


def test_the_most_accurate_of_so_many_parameters_is_chosen() -> None:
    architecture, _ = choose(max_parameters=5_000_000)
    small = [one for one in list_architectures() if num_parameters(one, 2) <= 5_000_000]
    assert accuracy(architecture) == max(accuracy(one) for one in small)


def test_architectures_within_the_estimate_are_timed() -> None:
    first, _ = choose(seconds=5.0)
    tried: list[str] = []

    def measure(architecture: ArchitectureSpec) -> float:
        tried.append(architecture.name)
        if len(tried) == 2:
            raise MemoryError
        return 6.0 if len(tried) == 1 else 4.0

    architecture, candidates = choose(seconds=5.0, measure=measure)
    assert (tried[0], tried[2]) == (first.name, architecture.name)
    assert len(tried) == 3
    verdicts = {candidate.architecture: candidate.verdict for candidate in candidates}
    assert [verdicts[name] for name in tried] == [
        "too slow when tried",
        "too large for the memory",
        "chosen",
    ]


def test_architectures_without_weights_are_skipped() -> None:
    architecture, _ = choose(
        is_available=lambda architecture: architecture.name in {"alexnet", "resnet18"}
    )
    assert architecture.name == "resnet18"
    with pytest.raises(WeightsUnavailable, match="GRAFT_WEIGHTS_DIR"):
        choose(is_available=lambda _: False)


def test_a_budget_too_small_names_the_nearest_architecture() -> None:
    fastest = min(list_architectures(), key=gflops)
    with pytest.raises(BudgetTooSmall, match=fastest.name):
        choose(seconds=1e-6)
    smallest = min(list_architectures(), key=lambda one: num_parameters(one, 2))
    with pytest.raises(BudgetTooSmall, match=smallest.name):
        choose(max_parameters=10)


def test_equal_architectures_are_ordered_by_name() -> None:
    twin = get_architecture("resnet18").model_copy(update={"name": "a-twin"})
    names = [
        architecture.name
        for architecture in rank([get_architecture("resnet18"), twin, get_architecture("alexnet")])
    ]
    assert names == ["a-twin", "resnet18", "alexnet"]
