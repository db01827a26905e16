"""Errors as short sentences that an assistant can act on."""

from textwrap import shorten
from typing import Any

from pydantic import ValidationError

from graft_client.errors import GraftError, InvalidInput, ServiceError


def sentence_of(error: GraftError | OSError) -> str:
    """Return what is wrong, with the code of the service's problem."""
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        return f"Cannot read '{error.filename}': {reason}." if error.filename else f"{reason}."
    if isinstance(error, InvalidInput):  # found here, so no document has the code
        return error.detail
    text = f"{error.detail} ({error.code})"
    if isinstance(error, ServiceError) and error.request_id:
        text += f" The service's log has the details of request {error.request_id}."
    return text


def sentences_of(error: ValidationError, tool: str, known: list[str]) -> str:
    """Return what is wrong with the arguments of a tool; `known` are the names that it has."""
    return " ".join(_describe(dict(one), tool, known) for one in error.errors())


def _describe(error: dict[str, Any], tool: str, known: list[str]) -> str:
    parts = [str(part) for part in error["loc"]]
    name = ".".join(parts)
    match error["type"]:
        case "missing":
            return f"`{name}` is missing; `{tool}` needs it."
        case "extra_forbidden" if len(parts) == 1:
            return f"`{tool}` has no argument `{name}`; it has {', '.join(known)}."
        case "extra_forbidden":
            return f"`{name}` is unknown; put other fields of a job into `further_fields`."
        case "value_error":
            return str(error["ctx"]["error"])
        case _:
            message = error["msg"].replace("Input should", "it should").removesuffix(".")
            return f"`{name}` is {shorten(repr(error['input']), 80)}: {message}."
