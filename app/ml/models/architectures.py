"""torchvision's models with a new head, and which of their parameters learn."""

from collections.abc import Callable, Mapping
from functools import partial

from torch import Tensor, nn

from app.ml.models.catalogue import Entry, get_entry
from app.ml.models.construction import (
    WithoutMemory,
    construct,
    find_final_relu,
    load_tensors,
    replace_module,
)
from app.ml.recipe import HeadKind, Strategy

_TRANSFORMING = frozenset({"googlenet", "inception_v3"})


def build_arguments(
    name: str, *, is_pretrained: bool, head: HeadKind = "torchvision"
) -> dict[str, bool]:
    """What a model of this architecture is to be built with; part of every checkpoint.

    The published weights of Inception and GoogLeNet were trained on another normalisation, which
    torchvision undoes inside the model (`transform_input`) when it loads them itself; here they
    come from a file. A linear head has no ReLU after it (`final_relu`); only SqueezeNet's has one.
    """
    arguments = {"transform_input": is_pretrained} if name in _TRANSFORMING else {}
    if head == "linear" and get_entry(name).heads[-1].is_rectified:
        arguments["final_relu"] = False
    return arguments


def build(
    name: str,
    num_classes: int | None,
    *,
    arguments: Mapping[str, bool],
    learns: Callable[[str], bool] = lambda _: True,
    state_dict: Mapping[str, Tensor] | None = None,
) -> nn.Module:
    """A model with heads for num_classes, on the CPU, in training mode.

    learns tells by a parameter's name whether an optimizer may move it. Without a state_dict the
    weights are drawn from torch's global generator, as torchvision initialises them. A state_dict
    is for the same architecture with any number of classes; its head is replaced, or kept where
    num_classes is None. The trunk is frozen before that.
    Raises KeyError or RuntimeError where the state_dict does not fit.
    """
    entry = get_entry(name)
    if state_dict is None:
        model = _construct(entry, arguments)
    else:
        model = _load(entry, arguments, state_dict)
    for parameter_name, parameter in model.named_parameters():
        parameter.requires_grad = learns(parameter_name)
    if num_classes is not None:
        _reshape_heads(model, entry, num_classes)
    return model.train()


def restore(
    name: str, *, arguments: Mapping[str, bool], state_dict: Mapping[str, Tensor]
) -> nn.Module:
    """A model with all its tensors from a state_dict, heads included, in evaluation mode."""
    return _load(get_entry(name), arguments, state_dict).eval()


def is_trainable(
    entry: Entry, parameter_name: str, strategy: Strategy, trainable_from: str | None
) -> bool:
    """Whether a parameter learns under a strategy; heads always do."""
    if strategy in {"fine_tune", "scratch"}:
        return True
    layers = [head.name for head in entry.heads]
    if strategy == "partial":
        layers += [layer.name for layer in entry.list_trainable_layers(trainable_from or "")]
    return any(parameter_name.startswith(f"{layer}.") for layer in layers)


def _construct(entry: Entry, arguments: Mapping[str, bool]) -> nn.Module:
    own = dict(arguments)
    has_final_relu = own.pop("final_relu", True)
    model = construct(entry.name, **own)
    relu = find_final_relu(model, entry.heads[-1].name)
    if relu is not None and not has_final_relu:
        replace_module(model, relu, nn.Identity())
    return model


def _load(
    entry: Entry, arguments: Mapping[str, bool], state_dict: Mapping[str, Tensor]
) -> nn.Module:
    with WithoutMemory():
        model = _construct(entry, arguments)
        main_head = entry.heads[-1].name
        num_classes = state_dict[f"{main_head}.weight"].shape[0]
        _reshape_heads(model, entry, num_classes, has_bias=f"{main_head}.bias" in state_dict)
    # Copies, because parameters may learn in place while the state_dict stays its owner's.
    tensors = {key: value.clone() for key, value in state_dict.items()}
    load_tensors(model, tensors, assign=True)
    return model


def _reshape_heads(
    model: nn.Module, entry: Entry, num_classes: int, *, has_bias: bool = True
) -> None:
    """Replace each head as PyTorch's fine-tuning tutorial does.

    New heads have a bias, be torchvision's own without (MaxViT's).
    Source: https://pytorch.org/tutorials/beginner/finetuning_torchvision_models_tutorial.html
    """
    for head in entry.heads:
        is_convolution = isinstance(model.get_submodule(head.name), nn.Conv2d)
        kind = partial(nn.Conv2d, kernel_size=1) if is_convolution else nn.Linear
        replace_module(model, head.name, kind(head.in_features, num_classes, bias=has_bias))
    if hasattr(model, "num_classes"):
        setattr(model, "num_classes", num_classes)  # noqa: B010 -- no attribute of nn.Module
