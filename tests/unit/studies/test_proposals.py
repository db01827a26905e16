"""What an adaptive search proposes after given trials."""

import math
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.studies.brackets import choose_bracket, list_bracket_sizes
from app.studies.importance import measure_importance
from app.studies.proposals import Observation, Outcome, propose
from app.studies.request_schemas import Search
from app.studies.search import draw_assignments
from app.studies.space import assign, draw_point, draw_unused_point, locate

SPACE = {
    "optimizer.learning_rate": {"low": 1e-6, "high": 1.0, "log": True},
    "batch_size": [8, 16, 32],
    "scheduler": [None, {"name": "cosine"}],
    "epochs": {"low": 1, "high": 9, "integer": True},
}


def make_search(**fields: Any) -> Search:
    given = {"method": "tpe", "space": SPACE, "num_trials": 30, "num_startup_trials": 4}
    return Search.model_validate(given | fields)


def accuracy(values: dict[str, Any]) -> float:
    """An accuracy that depends on the learning rate, and is best at 0.003."""
    return 0.95 - 0.03 * (math.log10(values["optimizer.learning_rate"]) + 2.5) ** 2


def search_best(search: Search) -> float:
    """Return the best accuracy that a search finds, with two trials open at once."""
    seen: list[Observation] = []
    values: list[float] = []
    for _ in range(search.num_trials or 0):
        proposal = propose(search, [*seen[:-1], *_as_running(seen[-1:])])
        assert proposal is not None
        values.append(accuracy(assign(search.space, proposal.point)))
        seen.append(Observation(proposal.point, "finished", values[-1]))
    return max(values)


def _as_running(last: list[Observation]) -> list[Observation]:
    return [Observation(one.point, "running") for one in last]


def test_tpe_finds_a_better_learning_rate_than_random_drawing() -> None:
    space = {"optimizer.learning_rate": SPACE["optimizer.learning_rate"]}
    found, drawn = [], []
    for seed in range(8):
        found.append(search_best(make_search(space=space, seed=seed, num_trials=20)))
        random = make_search(
            method="random", space=space, seed=seed, num_trials=20, num_startup_trials=None
        )
        drawn.append(max(accuracy(values) for values in draw_assignments(random)))
    assert fmean(found) > fmean(drawn)
    assert max(0.95 - best for best in found) < 0.01


OUTCOMES: tuple[Outcome, ...] = ("running", "finished", "pruned", "failed", "invalid")


@st.composite
def histories(draw: st.DrawFn) -> tuple[Search, list[Observation]]:
    """A search and trials of it, with any outcomes and accuracies."""
    search = make_search(seed=draw(st.integers(0, 2**32 - 1)))
    number = draw(st.integers(0, 12))
    seen: list[Observation] = []
    for _ in range(number):
        proposal = propose(search, seen)
        assert proposal is not None
        outcome = draw(st.sampled_from(OUTCOMES))
        accuracies = st.floats(0, 1)
        by_epoch = draw(st.dictionaries(st.integers(1, 9), accuracies, max_size=3))
        seen.append(
            Observation(
                proposal.point,
                outcome,
                draw(accuracies) if outcome == "finished" else None,
                {} if outcome in {"finished", "invalid"} else by_epoch,
            )
        )
    return search, seen


@settings(max_examples=25, deadline=None)
@given(history=histories())
def test_equal_trials_give_equal_proposals_that_are_new_and_in_the_space(
    history: tuple[Search, list[Observation]],
) -> None:
    search, seen = history
    proposal = propose(search, seen)
    copied = Search.model_validate_json(search.model_dump_json())
    assert propose(copied, list(seen)) == proposal
    assert proposal is not None
    point, origin = proposal
    num_results = sum(one.has_result for one in seen)
    assert (origin == "startup") == (num_results < 4)
    assert all(point != one.point for one in seen)
    values = assign(search.space, point)
    assert 1e-6 <= values["optimizer.learning_rate"] <= 1
    assert values["batch_size"] in {8, 16, 32}
    assert values["scheduler"] in [None, {"name": "cosine"}]
    assert values["epochs"] in range(1, 10)
    assert isinstance(values["epochs"], int)


def test_the_model_avoids_what_cannot_run() -> None:
    """Of two values one is invalid; the model proposes it less often than the other."""
    space = {"batch_size": [8, 16], "optimizer.learning_rate": SPACE["optimizer.learning_rate"]}
    search = make_search(space=space, num_startup_trials=3)
    seen: list[Observation] = []
    for _ in range(40):
        proposal = propose(search, seen)
        assert proposal is not None
        values = assign(search.space, proposal.point)
        outcome: Outcome = "invalid" if values["batch_size"] == 8 else "finished"
        value = accuracy(values) if outcome == "finished" else None
        seen.append(Observation(proposal.point, outcome, value))
    late = [one.outcome for one in seen[-20:]]
    assert late.count("invalid") < 6


def test_a_model_without_anything_new_gives_way_to_chance() -> None:
    """The best of three values is the only one that the model would propose."""
    space = {"epochs": {"low": 1, "high": 400, "integer": True}}
    search = make_search(space=space, num_startup_trials=1)
    seen = [
        Observation({"epochs": epochs}, "finished", 1.0 if epochs < 390 else 0.0)
        for epochs in range(1, 399)
    ]
    points = []
    while (proposal := propose(search, seen)) is not None:
        points.append(proposal.point["epochs"])
        seen.append(Observation(proposal.point, "finished", 0.0))
    assert sorted(points) == [399, 400]


@pytest.mark.parametrize(
    ("epochs", "sizes"), [(81, [81, 34, 15, 8, 5]), (9, [9, 5, 3]), (3, [3, 2]), (2, [1])]
)
def test_brackets_have_the_sizes_of_hyperband(epochs: int, sizes: list[int]) -> None:
    """The first ones are those of the paper's table 1, rounded up."""
    assert list_bracket_sizes(min_epochs=1, reduction_factor=3, epochs=epochs) == sizes


def test_any_first_configurations_have_their_share_of_brackets() -> None:
    sizes = [9, 5, 3]
    chosen = [choose_bracket(number, sizes) for number in range(1, 35)]
    assert set(chosen[:4]) == {0, 1, 2}
    for number in range(1, 35):
        for bracket, size in enumerate(sizes):
            assert abs(chosen[:number].count(bracket) - number * size / 17) < 1.5
    assert chosen[:17] == chosen[17:]


def test_an_unused_point_is_found_in_a_space_that_is_nearly_used_up() -> None:
    space = make_search(space={"epochs": {"low": 1, "high": 5000, "integer": True}}).space
    used = [{"epochs": number} for number in range(1, 5000)]
    assert draw_unused_point(space, used, np.random.default_rng(0)) == {"epochs": 5000}


def test_the_field_that_decides_is_the_most_important() -> None:
    search = make_search()
    random = np.random.default_rng(0)
    seen = []
    for _ in range(30):
        point = draw_point(search.space, random)
        seen.append(Observation(point, "finished", accuracy(assign(search.space, point))))
    importance = measure_importance(search, [*seen, Observation(seen[0].point, "running")])
    assert importance is not None
    assert next(iter(importance)) == "optimizer.learning_rate"
    assert importance.keys() == SPACE.keys()
    assert sum(importance.values()) == pytest.approx(1)
    assert importance["optimizer.learning_rate"] > 0.5


def test_importance_needs_several_different_results() -> None:
    search = make_search(space={"batch_size": [8, 16], "epochs": [3]})
    points = [{"batch_size": number % 2, "epochs": 0} for number in range(6)]
    equal = [Observation(point, "finished", 0.5) for point in points]
    assert measure_importance(search, equal) is None
    assert measure_importance(search, equal[:3]) is None
    different = [
        Observation(point, "finished", 0.5 + 0.1 * point["batch_size"]) for point in points
    ]
    assert measure_importance(search, different) == {"batch_size": 1.0, "epochs": 0.0}


def test_a_point_is_found_by_its_values() -> None:
    space = make_search(space={**SPACE, "strategy": [True, 1, 1.0, None, {"a": 1}]}).space
    random = np.random.default_rng(1)
    for _ in range(20):
        point = draw_point(space, random)
        changes: dict[str, Any] = {}
        for key, value in assign(space, point).items():
            field, _, part = key.partition(".")
            if part:
                changes[field] = {part: value}
            else:
                changes[field] = value
        assert locate(space, changes) == point
