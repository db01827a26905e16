"""torchvision's classification models, built and taken apart by rules that hold for all of them."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torchvision import models

_ARGUMENTS: dict[str, dict[str, bool]] = {
    # torchvision announces a change of their initialisation unless it is told which.
    "inception_v3": {"init_weights": True},
    # The auxiliary heads in GoogLeNet's published file were never trained; torchvision drops them
    # after reading it.
    "googlenet": {"init_weights": True, "aux_logits": False},
}


_SET_VALUES = {"normal_", "uniform_", "fill_", "zero_", "erfinv_", "mul_", "add_", "clamp_"}
"""Methods by which layers set their first weights."""


class WithoutMemory(TorchFunctionMode):
    """While this is active, new models take next to no memory: weights are on the meta device.

    Layers allocate theirs by `torch.empty`. `torch.device("meta")` would put every tensor there,
    those with which RegNet computes its widths among them, and fail.
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
    """Every classification architecture that torchvision registers, in alphabetical order."""
    return sorted(models.list_models(module=models))


def construct(name: str, **arguments: Any) -> nn.Module:
    """Build torchvision's model; its weights are drawn from torch's global generator."""
    model: nn.Module = models.get_model(name, weights=None, **list_arguments(name, **arguments))
    return model


def list_arguments(name: str, **arguments: Any) -> dict[str, Any]:
    """What torchvision's builder is given: these, and those that this architecture always gets."""
    return _ARGUMENTS.get(name, {}) | arguments


def find_heads(name: str, **arguments: Any) -> tuple[str, ...]:
    """The layers that give one score a class, the main one last.

    They are the ones whose parameters change shape with the number of classes.
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


def find_final_relu(model: nn.Module, head: str) -> str | None:
    """The ReLU through which a head's scores pass, as SqueezeNet's do; None without one.

    A class whose scores are negative for every image gets no gradient through it any more.
    """
    parent, _, child = head.rpartition(".")
    children = dict(model.get_submodule(parent).named_children())
    names = list(children)
    after = names[names.index(child) + 1 :]
    return next((f"{parent}.{n}" for n in after if isinstance(children[n], nn.ReLU)), None)


def replace_module(model: nn.Module, path: str, new: nn.Module) -> None:
    """Put another module in the place of the one at this path."""
    parent, _, child = path.rpartition(".")
    setattr(model.get_submodule(parent), child, new)


def load_tensors(
    model: nn.Module, tensors: Mapping[str, Tensor], *, strict: bool = True, assign: bool = False
) -> tuple[list[str], list[str]]:
    """`load_state_dict` for tensors from a file; returns the missing and the unexpected names.

    MNASNet refuses tensors that do not say which version of its parameter names they follow, and
    files cannot say it; published ones and our own follow the present version.
    Raises RuntimeError where the tensors do not fit.
    """
    named = OrderedDict(tensors)
    setattr(named, "_metadata", {"": {"version": model._version}})  # noqa: B010, SLF001 -- as torch does
    missing, unexpected = model.load_state_dict(named, strict=strict, assign=assign)
    return missing, unexpected
