"""The rule for text in requests."""

import json
from typing import Any

import pytest

from app.web.text import find_control_character, find_in_json


@pytest.mark.parametrize("code", range(256))
def test_control_characters_but_tab_and_line_ends_are_found(code: int) -> None:
    is_control = code < 32 or 127 <= code < 160
    is_allowed = chr(code) in "\t\n\r"
    found = find_control_character(f"a{chr(code)}b")
    assert (found is not None) is (is_control and not is_allowed)
    assert found in {None, f"U+{code:04X}"}
    assert (find_in({"a": chr(code)}) is not None) is (is_control and not is_allowed)


def find_in(value: Any) -> Any:
    return find_in_json(value, json.dumps(value, ensure_ascii=False))


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("\x00", ()),
        ({"a": ["b", {"c": "d\x1f"}]}, ("a", 1, "c")),
        ({"a": {"\x00": 1}}, ("a", "\x00")),
        ({"a": r"\b \u0000"}, None),
        ({"a": "é\n\U0001f41c"}, None),
        ([1, None, True, 2.5], None),
    ],
)
def test_the_place_is_found(value: Any, place: tuple[str | int, ...] | None) -> None:
    found = find_in(value)
    assert (found and found[0]) == place
