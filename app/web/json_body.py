"""Parse JSON bodies strictly (RFC 8259): no NaN, Infinity, overflow or lone surrogate.

Strings have no control characters (`app.web.text`).
"""

import json
import math
from collections.abc import Iterable
from typing import Any, NoReturn

from app.errors import BadJson, InputProblem, ValidationFailed
from app.web.text import ALLOWED, find_in_json

MAX_DEPTH = 64
"""Objects and lists inside one another; deeper ones would overflow what validates them."""


def parse_json(body: bytes) -> Any:
    """Parse a request's body.

    Raises BadJson for invalid or too deeply nested JSON. Raises ValidationFailed for values that
    JSON libraries accept but no field of this service can hold.
    """
    try:
        value = json.loads(body, parse_constant=_refuse_constant, parse_float=_finite_float)
    except RecursionError:
        raise BadJson("The body is nested too deeply.") from None
    except UnicodeDecodeError:
        raise BadJson("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise BadJson(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except ValueError:  # an integer of more digits than Python converts
        raise _invalid("A number has too many digits.") from None
    _check_depth(value, body)
    try:
        encoded = json.dumps(value, ensure_ascii=False)
        encoded.encode()
    except UnicodeEncodeError:
        raise _invalid("A string holds half of a surrogate pair.") from None
    if found := find_in_json(value, encoded):
        path, character = found
        place = f"`{'.'.join(str(part) for part in path)[:100]}`" if path else "The body"
        message = f"{place} contains the control character {character}; remove it."
        raise ValidationFailed(InputProblem(("body", *path), message, ALLOWED))
    return value


def _check_depth(value: Any, body: bytes) -> None:
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    layer = [value]  # the objects and lists at one depth
    for _ in range(MAX_DEPTH):
        inside = (inner for one in layer if isinstance(one, dict | list) for inner in _members(one))
        layer = [inner for inner in inside if isinstance(inner, dict | list)]
        if not layer:
            return
    raise BadJson(f"The body is nested more than {MAX_DEPTH} deep.")


def _members(one: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return one.values() if isinstance(one, dict) else one


def _refuse_constant(name: str) -> NoReturn:
    raise _invalid(f"{name} is not a JSON number.")


def _finite_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _invalid(f"{text} is too large for a number.")
    return number


def _invalid(message: str) -> ValidationFailed:
    return ValidationFailed(InputProblem(("body",), message, allowed=("finite numbers", "text")))
