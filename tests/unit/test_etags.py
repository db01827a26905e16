"""Entity tags of conditional requests."""

import pytest

from app.web.etags import matches


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, False),
        ("", False),
        ('"ab"', True),
        ('W/"ab"', True),
        ('"cd", "ab"', True),
        ('"cd","ef"', False),
        ("ab", False),
        ("*", True),
    ],
)
def test_a_tag_is_found_among_those_of_the_client(header: str | None, expected: bool) -> None:
    assert matches(header, '"ab"') is expected
