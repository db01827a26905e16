"""Architectures and their weights as a person sees them."""

from typing import TYPE_CHECKING

from rich.console import RenderableType

from graft_client.console.tables import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graft_client.schemas.models import Architecture

_MILLION = 1e6


def architectures_table(architectures: "Sequence[Architecture]") -> RenderableType:
    """Return a row for each architecture's weights, and one for an architecture without any."""
    headings = ("name", "parameters", "pixels", "weights", "are", "licence")
    rows = [row for one in architectures for row in _list_rows(one)]
    return table(headings, rows, right=("parameters", "pixels"))


def _list_rows(one: "Architecture") -> "Iterator[tuple[object, ...]]":
    size = f"{one.num_parameters / _MILLION:.1f} M"
    if not one.weights:
        yield one.name, size, one.input_size, "none", "-", "-"
    for weights in one.weights:
        name = f"{weights.name}, default" if weights.is_default else weights.name
        pixels = weights.input_size or one.input_size
        yield one.name, size, pixels, name, weights.availability, weights.licence or "-"
