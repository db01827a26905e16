"""Suggestions for unknown names."""

import pytest

from app.web.suggestions import MAX_LISTED, find_near, suggest

MANY = [f"layer{number}" for number in range(MAX_LISTED + 1)]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("learning_rat", "optimizer.learning_rate"),
        ("Learning-Rate", "optimizer.learning_rate"),
        ("epohcs", "epochs"),
    ],
)
def test_the_most_similar_name_comes_first(name: str, nearest: str) -> None:
    assert find_near(name, ["seed", "epochs", "optimizer.learning_rate"])[0] == nearest


def test_a_name_without_similar_ones_gets_no_suggestion() -> None:
    assert find_near("quux", ["seed", "epochs"]) == ()
    assert find_near("x" * 1_000_000, ["x" * 60]) == ("x" * 60,)


def test_a_short_list_is_given_in_full() -> None:
    assert suggest("quux", ["seed", "epochs"], listed_at="/docs") == (
        "allowed: seed, epochs.",
        ("seed", "epochs"),
    )
    assert suggest("sed", ["seed", "epochs"], listed_at="/docs") == (
        "did you mean `seed`?",
        ("seed", "epochs"),
    )


def test_of_a_long_list_the_similar_names_and_its_path_are_given() -> None:
    told, allowed = suggest("layer_1", MANY, listed_at="/docs")
    assert told.startswith("did you mean `layer1`")
    assert told.endswith("? All 13 are listed at /docs.")
    assert allowed[0] == "layer1"
    assert set(allowed) < set(MANY)
    assert suggest("quux", MANY, listed_at="/docs") == ("all 13 are listed at /docs.", ())
