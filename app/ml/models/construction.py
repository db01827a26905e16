"""Construct the classification models of both libraries, and find and replace their layers."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torchvision import models

from app.errors import EngineUnavailable
from app.ml.models import timm_catalogue

_ARGUMENTS: dict[str, dict[str, bool]] = {
    # Without this argument, torchvision warns that the default initialisation will change.
    "inception_v3": {"init_weights": True},
    # The auxiliary heads in GoogLeNet's published file were never trained; torchvision drops them
    # after reading it.
    "googlenet": {"init_weights": True, "aux_logits": False},
}


_SET_VALUES = {"normal_", "uniform_", "fill_", "zero_", "erfinv_", "mul_", "add_", "clamp_"}
"""Methods by which layers set their first weights."""


class WithoutMemory(TorchFunctionMode):
    """Construct models on the meta device, so that their weights take no memory.

    Layers allocate weights by `torch.empty`, so only that function is redirected.
    `torch.device("meta")` would redirect every tensor, including those from which RegNet computes
    its widths, and fail.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        _types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.empty:
            kwargs = kwargs | {"device": "meta"}
        if func.__name__ in _SET_VALUES:
            tensor = args[0] if args else kwargs["tensor"]
            if tensor.is_meta:  # torch would import its compiler only to set no values
                return tensor
        return func(*args, **kwargs)


def list_names() -> list[str]:
    """List the classification architectures that torchvision registers, in alphabetical order."""
    return sorted(models.list_models(module=models))


def construct(name: str, **arguments: Any) -> nn.Module:
    """Construct the library's model, initialised from torch's global random generator.

    Raises EngineUnavailable for an architecture of timm where timm is not installed.
    """
    if timm_catalogue.is_timm(name):
        return _construct_timm(name, **arguments)
    model: nn.Module = models.get_model(name, weights=None, **list_arguments(name, **arguments))
    return model


def _construct_timm(name: str, **arguments: Any) -> nn.Module:
    try:
        import timm  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        message = f"{name} cannot be built: {timm_catalogue.INSTALL}"
        raise EngineUnavailable(message) from error
    # Default weights without classes (DINOv2) would give a model without a head.
    model: nn.Module = timm.create_model(
        name.removeprefix(timm_catalogue.PREFIX), **{"num_classes": 1000, **arguments}
    )
    return model


def list_arguments(name: str, **arguments: Any) -> dict[str, Any]:
    """Add the arguments that this architecture always needs to those given."""
    return _ARGUMENTS.get(name, {}) | arguments


def find_heads(name: str, **arguments: Any) -> tuple[str, ...]:
    """Find the layers that compute one score per class, the main head last.

    These are the layers whose parameters change shape with the number of classes.
    """
    with WithoutMemory():
        few, many = (construct(name, num_classes=number, **arguments) for number in (7, 1000))
    shapes = {key: parameter.shape for key, parameter in few.named_parameters()}
    heads = (
        key.rpartition(".")[0]
        for key, parameter in many.named_parameters()
        if parameter.shape != shapes[key]
    )
    return tuple(dict.fromkeys(heads))


def list_computed_buffers(model: nn.Module) -> list[Tensor]:
    """List the buffers that are not stored with a model, because its constructor computes them."""
    stored = model.state_dict()
    return [buffer for name, buffer in model.named_buffers() if name not in stored]


def find_final_relu(model: nn.Module, head: str) -> str | None:
    """Find the ReLU that follows a head (SqueezeNet); None without one.

    A class whose scores are negative for every image gets no gradient through this ReLU.
    """
    parent, _, child = head.rpartition(".")
    children = dict(model.get_submodule(parent).named_children())
    names = list(children)
    after = names[names.index(child) + 1 :]
    return next((f"{parent}.{n}" for n in after if isinstance(children[n], nn.ReLU)), None)


def replace_module(model: nn.Module, path: str, new: nn.Module) -> None:
    """Replace the module at this path."""
    parent, _, child = path.rpartition(".")
    setattr(model.get_submodule(parent), child, new)


def load_tensors(
    model: nn.Module, tensors: Mapping[str, Tensor], *, strict: bool = True, assign: bool = False
) -> tuple[list[str], list[str]]:
    """Call `load_state_dict` for tensors from a file; return the missing and the unexpected names.

    MNASNet rejects tensors without a version of its parameter names, and files do not contain one;
    published files and our own follow the present version.
    Raises RuntimeError where the tensors do not fit.
    """
    named = OrderedDict(tensors)
    setattr(named, "_metadata", {"": {"version": model._version}})  # noqa: B010, SLF001 -- as torch does
    missing, unexpected = model.load_state_dict(named, strict=strict, assign=assign)
    return missing, unexpected
