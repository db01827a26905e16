"""Import torchvision without torch's compiler.

torchvision imports the compiler (torch._dynamo, which imports inductor, sympy and triton) to mark a
few functions, and torch's optimizers do so when they are first used. That doubles the time and the
memory of both, and most processes of this service compile nothing. Code that compiles still imports
the compiler.
"""

import sys
from collections.abc import Callable
from inspect import unwrap
from types import ModuleType
from typing import Any

import torch
from torch._compile import _disable_dynamo
from torch.optim import SGD, Adam, Optimizer, RMSprop

_DYNAMO = "torch._dynamo"
_UTILS = "torch._dynamo.utils"


def import_torchvision() -> None:
    """Import torchvision; the first call that needs the compiler imports it."""
    if _DYNAMO not in sys.modules:
        sys.modules.update(_make_stand_ins())
        try:
            import torchvision.transforms.v2  # noqa: F401, PLC0415 - the stand-ins come first
        finally:
            del sys.modules[_DYNAMO], sys.modules[_UTILS]
    for method in vars(Optimizer).values():
        function = getattr(method, "__wrapped__", None)
        if function is not None and not hasattr(function, "__dynamo_disable"):
            # torch caches here what it calls instead of the function. Outside compiled code, where
            # optimizers run, that is the function itself.
            function.__dynamo_disable = function  # noqa: SLF001 - as above
    for optimizer in (SGD, Adam, RMSprop):
        if optimizer.step.__code__.co_name == "_use_grad":
            # The wrapper imports the compiler to break graphs. Nothing is differentiated through a
            # step here, so apart from that it is `no_grad`.
            optimizer.step = torch.no_grad()(unwrap(optimizer.step))  # type: ignore[method-assign]


def _make_stand_ins() -> dict[str, ModuleType]:
    dynamo, utils = ModuleType(_DYNAMO), ModuleType(_UTILS)
    dynamo.__path__ = []
    dynamo.disable = _disable  # type: ignore[attr-defined] # a module's attributes are free
    utils.is_compile_supported = _is_compile_supported  # type: ignore[attr-defined] # as above
    return {_DYNAMO: dynamo, _UTILS: utils}


def _disable(function: Callable[..., Any], recursive: bool = True, **_: Any) -> Callable[..., Any]:
    return _disable_dynamo(function, recursive)


def _is_compile_supported(device_type: str) -> bool:
    from torch._dynamo.utils import is_compile_supported  # noqa: PLC0415 - slow to import, and not always needed

    return bool(is_compile_supported(device_type))
