"""Suggest similar names for an unknown one."""

import difflib
from collections.abc import Sequence

MAX_LISTED = 12
"""Of a longer list, an error names only similar entries and where the whole list is."""

_MAX_SUGGESTED = 3
_MAX_LENGTH = 64
"""Characters to compare, because comparing long texts is slow."""


def find_near(name: str, names: Sequence[str]) -> tuple[str, ...]:
    """List the names most similar to this one, the most similar first; empty if there is none.

    Only the last part of a dotted name is compared.
    """
    by_last_part = {other.rpartition(".")[2].lower(): other for other in reversed(names)}
    near = difflib.get_close_matches(
        name[:_MAX_LENGTH].lower(), list(by_last_part), n=_MAX_SUGGESTED
    )
    return tuple(by_last_part[other] for other in near)


def suggest(name: str, names: Sequence[str], *, listed_at: str) -> tuple[str, tuple[str, ...]]:
    """Return a hint for an unknown name, and the allowed names to list.

    Of a long list, only the similar names are listed; the hint has the path of the whole list.
    """
    near = find_near(name, names)
    is_short = len(names) <= MAX_LISTED
    parts = [f"did you mean {join_names(near)}?"] if near else []
    if is_short and not near:
        parts.append(f"allowed: {', '.join(names)}.")
    elif not is_short:
        parts.append(f"{'All' if near else 'all'} {len(names)} are listed at {listed_at}.")
    return " ".join(parts), tuple(names) if is_short else near


def join_names(names: Sequence[str], word: str = "or") -> str:
    """Join names, each in back quotes: `a`, `b` or `c`."""
    quoted = [f"`{name}`" for name in names]
    return f" {word} ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
