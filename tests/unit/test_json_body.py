"""Strict parsing of JSON bodies."""

import pytest

from app.errors import BadJson, ValidationFailed
from app.web.json_body import MAX_DEPTH, parse_json


def test_valid_json_is_parsed() -> None:
    assert parse_json('{"a": [1, 2.5, "ü", null, true]}'.encode()) == {
        "a": [1, 2.5, "ü", None, True]
    }


@pytest.mark.parametrize(
    "body",
    [
        b'{"learning_rate": NaN}',
        b'{"learning_rate": Infinity}',
        b'{"learning_rate": -Infinity}',
        b'{"learning_rate": 1e400}',
        b'{"seed": ' + b"9" * 5000 + b"}",
        rb'{"model_name": "\ud800"}',
        rb'{"\udfff": 1}',
    ],
)
def test_values_that_no_field_can_hold_are_rejected(body: bytes) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        parse_json(body)
    assert refusal.value.problems[0].loc == ("body",)


@pytest.mark.parametrize(
    "body", [b"{", b"not json", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b"[1,]"]
)
def test_invalid_json_is_rejected(body: bytes) -> None:
    with pytest.raises(BadJson):
        parse_json(body)


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 400, 900, 980, 995])
@pytest.mark.parametrize("inner", [b"", b"1"])
@pytest.mark.parametrize("ends", [(b"[", b"]"), (b'{"a":[', b"]}")])
def test_deep_json_is_rejected_before_it_overflows_anything_else(
    depth: int, inner: bytes, ends: tuple[bytes, bytes]
) -> None:
    with pytest.raises(BadJson, match="deep"):
        parse_json(ends[0] * depth + inner + ends[1] * depth)


def test_json_may_be_nested_up_to_the_limit_and_be_wide() -> None:
    parse_json(b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH)
    assert len(parse_json(b"[" + b",".join([b'{"a": []}'] * 1000) + b"]")) == 1000
