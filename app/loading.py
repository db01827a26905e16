"""Modules are loaded without looking for garbage among what they are made of."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading_code() -> Iterator[None]:
    """Load modules in the block; what is there then is not looked through while the process runs.

    torch and what comes with it make some 800,000 objects that stay. The collector would go through
    all of them several times meanwhile, and again in the middle of some request.
    Source: Python's manual, `gc.freeze`.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        atexit.register(gc.unfreeze)  # triton complains of what is still there after the last look
        gc.enable()
