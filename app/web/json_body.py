"""Parse JSON bodies strictly (RFC 8259): no NaN, Infinity, overflow or lone surrogate."""

import json
import math
from typing import Any, NoReturn

from app.errors import BadJson, InputProblem, ValidationFailed


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
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise _invalid("A string holds half of a surrogate pair.") from None
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise _invalid(f"{name} is not a JSON number.")


def _finite_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _invalid(f"{text} is too large for a number.")
    return number


def _invalid(message: str) -> ValidationFailed:
    return ValidationFailed(InputProblem(("body",), message, allowed=("finite numbers", "text")))
