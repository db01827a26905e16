"""Suggest the names that a caller may have meant."""

import difflib
from collections.abc import Sequence

MAX_LISTED = 12
"""A longer list of allowed names is not repeated in an error: it says where the list is."""

_MAX_SUGGESTED = 3
_MAX_LENGTH = 64
"""Characters compared; comparing long texts takes time that an error is not worth."""


def find_near(name: str, names: Sequence[str]) -> tuple[str, ...]:
    """List the names most like this one, the nearest first; none where no name is like it.

    Of a dotted name only the last part is compared.
    """
    by_last_part = {other.rpartition(".")[2].lower(): other for other in reversed(names)}
    near = difflib.get_close_matches(
        name[:_MAX_LENGTH].lower(), list(by_last_part), n=_MAX_SUGGESTED
    )
    return tuple(by_last_part[other] for other in near)


def suggest(name: str, names: Sequence[str], *, listed_at: str) -> tuple[str, tuple[str, ...]]:
    """Return what to say of an unknown name, and what to list as allowed.

    All names are allowed where they are few; of many, the nearest and the place of the whole list.
    """
    near = find_near(name, names)
    is_short = len(names) <= MAX_LISTED
    parts = [f"did you mean {join_names(near)}?"] if near else []
    if is_short and not near:
        parts.append(f"allowed: {', '.join(names)}.")
    elif not is_short:
        parts.append(f"{'All' if near else 'all'} {len(names)} are listed at {listed_at}.")
    return " ".join(parts), tuple(names) if is_short else (*near, f"see {listed_at}")


def join_names(names: Sequence[str], word: str = "or") -> str:
    """Join names, each in back quotes: `a`, `b` or `c`."""
    quoted = [f"`{name}`" for name in names]
    return f" {word} ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
