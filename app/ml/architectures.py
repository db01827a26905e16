"""torchvision's models with a new head, and which of their parameters learn."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torchvision import models

from app.ml.catalogue import Entry, get_entry
from app.ml.recipe import Strategy


def build_arguments(name: str, *, is_pretrained: bool) -> dict[str, bool]:
    """What torchvision's builder is to be given beside the name; part of every checkpoint.

    Inception's published weights were trained on another normalisation, which torchvision undoes
    inside the model (`transform_input`) when it loads them itself; here they come from a file.
    """
    return {"transform_input": is_pretrained} if name == "inception_v3" else {}


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
    # torchvision's Inception announces a change of its initialisation unless it is told which.
    initialisation = {"init_weights": True} if entry.name == "inception_v3" else {}
    model: nn.Module = models.get_model(entry.name, weights=None, **arguments, **initialisation)
    return model


def _load(
    entry: Entry, arguments: Mapping[str, bool], state_dict: Mapping[str, Tensor]
) -> nn.Module:
    with torch.device("meta"):
        model = _construct(entry, arguments)
        num_classes = state_dict[f"{entry.heads[0].name}.weight"].shape[0]
        _reshape_heads(model, entry, num_classes)
    # Copies, because parameters may learn in place while the state_dict stays its owner's.
    model.load_state_dict({key: value.clone() for key, value in state_dict.items()}, assign=True)
    return model


def _reshape_heads(model: nn.Module, entry: Entry, num_classes: int) -> None:
    """Replace each head as PyTorch's fine-tuning tutorial does.

    Source: https://pytorch.org/tutorials/beginner/finetuning_torchvision_models_tutorial.html
    """
    for head in entry.heads:
        if entry.name == "squeezenet1_0":
            new: nn.Module = nn.Conv2d(head.in_features, num_classes, kernel_size=1)
            setattr(model, "num_classes", num_classes)  # noqa: B010 -- no attribute of nn.Module
        else:
            new = nn.Linear(head.in_features, num_classes)
        parent, _, child = head.name.rpartition(".")
        setattr(model.get_submodule(parent), child, new)
