"""Drawing configurations, and stopping runs at rungs."""

from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError

from app.errors import ValidationFailed
from app.studies.request_schemas import Search
from app.studies.search import draw_assignments, list_rungs, should_prune

RATES = {"low": 1e-4, "high": 1e-1, "log": True}


def draw(method: str, space: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    return draw_assignments(Search.model_validate({"method": method, "space": space, **fields}))


def test_a_grid_has_every_combination_in_order() -> None:
    rates, strategies = [0.1, 0.01, 0.001], ["scratch", {"an": "object"}]
    drawn = draw("grid", {"strategy": strategies, "optimizer.learning_rate": rates})
    assert [tuple(one.values()) for one in drawn] == list(product(strategies, rates))


def test_a_random_part_of_a_grid_has_different_combinations() -> None:
    space = {"epochs": [1, 2, 3, 4], "batch_size": [4, 8]}
    drawn = draw("grid", space, num_trials=5)
    pairs = {(one["epochs"], one["batch_size"]) for one in drawn}
    assert len(pairs) == 5
    assert pairs <= set(product([1, 2, 3, 4], [4, 8]))
    assert drawn != draw("grid", space, num_trials=5, seed=1)


@pytest.mark.parametrize("method", ["random", "successive_halving"])
def test_drawing_is_repeatable_and_stays_in_the_ranges(method: str) -> None:
    space = {
        "optimizer.learning_rate": RATES,
        "epochs": {"low": 2, "high": 5, "integer": True},
        "strategy": ["fine_tune", "scratch"],
    }
    drawn = draw(method, space, num_trials=40)
    assert drawn == draw(method, space, num_trials=40)
    assert drawn != draw(method, space, num_trials=40, seed=1)
    assert len({tuple(one.values()) for one in drawn}) == 40
    rates = [one["optimizer.learning_rate"] for one in drawn]
    assert all(1e-4 <= rate <= 1e-1 for rate in rates)
    assert 12 <= sum(rate < 10**-2.5 for rate in rates) <= 28, "half the logarithms are below"
    assert {one["epochs"] for one in drawn} == {2, 3, 4, 5}
    assert {one["strategy"] for one in drawn} == {"fine_tune", "scratch"}


def test_a_finite_space_is_drawn_without_repeats() -> None:
    drawn = draw("random", {"epochs": {"low": 1, "high": 6, "integer": True}}, num_trials=6)
    assert sorted(one["epochs"] for one in drawn) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("method", "space", "num_trials"),
    [
        ("random", {"epochs": [1, 2]}, 3),
        ("grid", {"epochs": [1, 2]}, 3),
        ("grid", {"epochs": list(range(1, 21)), "batch_size": list(range(1, 12))}, None),
        ("random", {"optimizer.momentum": {"low": 0.5, "high": 0.5}}, 2),
        ("random", {"optimizer.momentum": {"low": 0.5, "high": 0.5000000000000001}}, 9),
    ],
)
def test_more_configurations_than_the_space_has_are_rejected(
    method: str, space: dict[str, Any], num_trials: int | None
) -> None:
    with pytest.raises(ValidationFailed) as caught:
        draw(method, space, num_trials=num_trials)
    assert caught.value.problems[0].loc == ("body", "search", "num_trials")
    assert caught.value.problems[0].allowed


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "random", "space": {"epochs": [1]}}, "num_trials is missing"),
        (
            {"method": "grid", "space": {"epochs": RATES}},
            "lists of values, not ranges; change epochs",
        ),
        ({"method": "grid", "space": {"epochs": []}}, "at least 1 item"),
        ({"method": "grid", "space": {"a": [{}], "a.b": [1]}}, "a.b and also the object"),
        ({"method": "grid", "space": {"a": {"low": 2, "high": 1}}}, "must not be above"),
        ({"method": "grid", "space": {"a": {"low": 0, "high": 1, "log": True}}}, "above 0"),
        (
            {"method": "grid", "space": {"a": {"low": 0.5, "high": 1, "integer": True}}},
            "must be integers",
        ),
        ({"method": "guess", "space": {"a": [1]}}, "successive_halving"),
    ],
)
def test_an_invalid_search_is_rejected(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Search.model_validate(fields)


def test_rungs_are_powers_below_the_last_epoch() -> None:
    assert list(list_rungs(min_epochs=1, reduction_factor=3, epochs=10)) == [1, 3, 9]
    assert list(list_rungs(min_epochs=2, reduction_factor=2, epochs=8)) == [2, 4]
    assert list(list_rungs(min_epochs=4, reduction_factor=2, epochs=4)) == []


@pytest.mark.parametrize(
    ("accuracy", "others", "is_pruned"),
    [
        (0.1, [], False),
        (0.5, [0.6], True),
        (0.6, [0.6], False),
        (0.7, [0.5, 0.6], False),
        (0.6, [0.5, 0.7], True),
        (0.7, [0.1, 0.2, 0.3, 0.4, 0.9], False),
        (0.4, [0.1, 0.2, 0.3, 0.8, 0.9], True),
    ],
)
def test_one_third_of_the_runs_continues(
    accuracy: float, others: list[float], is_pruned: bool
) -> None:
    """The best of up to five runs, the best two of six."""
    assert should_prune(accuracy, others, reduction_factor=3) is is_pruned
