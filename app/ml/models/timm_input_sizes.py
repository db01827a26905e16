"""Find the input sizes at which architectures of timm run, for the catalogue's generator."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch
from torch import nn

from app.ml.models.catalogue import NO_INPUT_SIZE
from app.ml.models.construction import WithoutMemory, construct
from app.ml.models.shapes import ShapesOnly
from app.ml.models.timm_catalogue import PREFIX
from app.ml.models.timm_pretrained import construct_from

_STEPS = (1, 2, 4, 7, 8, 14, 16, 28, 32, 64)
"""The differences between two input sizes that are tried, in pixels."""

_COUNTS = (1, 2, 3, 5, 8)
"""How many differences are added; with one, strides can round the size down to one that works."""

_SEVERAL = 2
_SIZES = {_SEVERAL: (16, 32, 48, 64, 96, 128, 192, 256), 1: (64, 128, 256)}
"""The smallest input sizes that are tried for batches of one and of several images, in pixels."""

FAILURES = (
    *(AssertionError, AttributeError, IndexError, RuntimeError),
    *(TypeError, ValueError, ZeroDivisionError),
)
"""Errors of models that get an input they do not accept."""

_Runs = Callable[[int, int], bool]
"""Returns whether training runs in batches of so many images of so many pixels."""


class Refused(Exception):
    """An architecture does not fit the service's rules; the message has the reason."""


@dataclass(frozen=True)
class InputSizes:
    """The input sizes of an architecture, in pixels; see `ArchitectureSpec`.

    step is the smallest difference between two sizes, None where there is only one. smallest is
    for batches of two or more, smallest_alone for batches of one.
    """

    step: int | None
    is_built_for_size: bool
    smallest: int
    smallest_alone: int


def find_input_sizes(name: str, model: nn.Module, input_size: int) -> InputSizes:
    """Find the sizes at which a model runs, or else those that it can be built for.

    name is without its prefix, model is on the meta device, input_size is its usual size. Raises
    Refused where it cannot be trained.
    """
    runs: _Runs = partial(_runs, model)
    # Twice the usual size is a multiple of every divisor that an architecture requires.
    step = _find_step(runs, input_size, _STEPS) if runs(_SEVERAL, 2 * input_size) else None
    is_built_for_size = False
    if step is None and (patch_size := _find_patch_size(model)) is not None:
        runs_when_built = _make_runs_when_built(PREFIX + name)
        step = _find_step(runs_when_built, input_size, (patch_size,))
        if step is not None:
            is_built_for_size, runs = True, runs_when_built
    return InputSizes(step, is_built_for_size, *_find_min_sizes(runs, input_size, step))


def run(model: nn.Module, batch_size: int, size: int, mode: ShapesOnly | None = None) -> Any:
    """Run a model on the meta device; raises Refused where it does not accept the images."""
    images = torch.empty(batch_size, 3, size, size, device="meta")
    try:
        with torch.no_grad(), mode or ShapesOnly():
            return model(images)
    except FAILURES as error:
        message = f"it does not run at {size} pixels without data: {first_line(error)}"
        raise Refused(message) from error


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its name."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:120]


def _runs(model: nn.Module, batch_size: int, size: int) -> bool:
    try:
        run(model.train(), batch_size, size)
    except Refused:
        return False
    return True


def _make_runs_when_built(name: str) -> _Runs:
    """Build the model for each size from tensors of its usual size, as a training does."""
    with WithoutMemory():
        expected = construct(name).state_dict()
    tensors = {
        key: torch.zeros((), dtype=tensor.dtype).expand(tensor.shape)  # one value in memory
        for key, tensor in expected.items()
    }

    @cache
    def build(size: int) -> nn.Module | None:
        try:
            with WithoutMemory():
                return construct_from(name, tensors, None, img_size=size).to("meta")
        except FAILURES:
            return None

    def runs(batch_size: int, size: int) -> bool:
        built = build(size)
        return built is not None and _runs(built, batch_size, size)

    return runs


def _find_patch_size(model: nn.Module) -> int | None:
    """Return the pixels of a patch of a transformer; None for other models."""
    patch_size = getattr(getattr(model, "patch_embed", None), "patch_size", None)
    return int(patch_size[0]) if isinstance(patch_size, tuple) else None


def _find_step(runs: _Runs, input_size: int, steps: tuple[int, ...]) -> int | None:
    """Return the smallest difference between two input sizes; None where only one size works."""

    def fits(step: int) -> bool:
        return all(runs(_SEVERAL, input_size + count * step) for count in _COUNTS)

    return next((step for step in steps if fits(step)), None)


def _find_min_sizes(runs: _Runs, input_size: int, step: int | None) -> tuple[int, int]:
    """Return the smallest sizes for batches of two or more, and of one."""
    found = []
    at_least = 0
    for batch_size, candidates in _SIZES.items():
        sizes = [
            size
            for at in sorted({at_least, *candidates})
            if step is not None
            and at_least <= (size := _round_up(at, input_size, step)) < input_size
        ]
        smallest = next((size for size in sizes if runs(batch_size, size)), None)
        if smallest is None and runs(batch_size, input_size):
            smallest = input_size
        if smallest is None and batch_size == _SEVERAL:
            raise Refused("it does not run in training.")
        found.append(at_least := smallest or NO_INPUT_SIZE)
    return found[0], found[1]


def _round_up(size: int, input_size: int, step: int) -> int:
    return size + (input_size - size) % step
