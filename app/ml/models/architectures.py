"""Build models with new heads, and decide which of their parameters are trained."""

from collections.abc import Callable, Mapping
from functools import partial

from torch import Tensor, nn

from app.ml.models.catalogue import ArchitectureSpec, get_architecture
from app.ml.models.construction import (
    WithoutMemory,
    construct,
    find_final_relu,
    list_computed_buffers,
    load_tensors,
    replace_module,
)
from app.ml.recipe import HeadKind, Strategy

_TRANSFORMING = frozenset({"googlenet", "inception_v3"})


def build_arguments(
    name: str,
    *,
    is_pretrained: bool,
    head: HeadKind = "torchvision",
    input_size: int | None = None,
) -> dict[str, bool | int]:
    """Return the arguments to build this architecture with; every checkpoint stores them.

    The published weights of Inception and GoogLeNet were trained with another normalisation.
    torchvision sets `transform_input` when it loads these weights itself; here they come from a
    file, so it is set explicitly. `final_relu` is False for a linear head on SqueezeNet, the only
    architecture with a ReLU after its head. `img_size` is an input size in pixels, for networks of
    timm that are built for another than their usual one.
    """
    architecture = get_architecture(name)
    arguments: dict[str, bool | int] = {}
    if name in _TRANSFORMING:
        arguments["transform_input"] = is_pretrained
    if head == "linear" and architecture.heads[-1].is_rectified:
        arguments["final_relu"] = False
    if architecture.is_built_for_size and input_size and input_size != architecture.input_size:
        arguments["img_size"] = input_size
    return arguments


def build(
    name: str,
    num_classes: int | None,
    *,
    arguments: Mapping[str, int],
    is_trained: Callable[[str], bool] = lambda _: True,
    state_dict: Mapping[str, Tensor] | None = None,
) -> nn.Module:
    """Build a model with heads for num_classes, on the CPU, in training mode.

    is_trained returns, for the name of a parameter, whether it requires a gradient; new heads
    always do. Without a state_dict, torchvision initialises the weights from torch's global
    generator. A state_dict is for the same architecture with any number of classes, or without a
    head (only with num_classes); its head is replaced, or kept where num_classes is None.
    Raises KeyError or RuntimeError where the state_dict does not fit.
    """
    architecture = get_architecture(name)
    if state_dict is None:
        model = _construct(architecture, arguments)
    else:
        model = _load(architecture, arguments, state_dict)
    for parameter_name, parameter in model.named_parameters():
        parameter.requires_grad = is_trained(parameter_name)
    if num_classes is not None:
        _reshape_heads(model, architecture, num_classes)
    return model.train()


def restore(
    name: str, *, arguments: Mapping[str, int], state_dict: Mapping[str, Tensor]
) -> nn.Module:
    """Build a model with all tensors of a state_dict, heads included, in evaluation mode."""
    return _load(get_architecture(name), arguments, state_dict).eval()


def is_trainable(
    architecture: ArchitectureSpec,
    parameter_name: str,
    strategy: Strategy,
    trainable_from: str | None,
) -> bool:
    """Return whether a strategy trains a parameter; every strategy trains the heads."""
    if strategy in {"fine_tune", "scratch"}:
        return True
    if any(parameter_name.startswith(f"{head.name}.") for head in architecture.heads):
        return True
    return strategy == "partial" and any(
        layer.owns(parameter_name)
        for layer in architecture.list_trainable_layers(trainable_from or "")
    )


def _construct(architecture: ArchitectureSpec, arguments: Mapping[str, int]) -> nn.Module:
    of_torchvision = dict(arguments)
    has_final_relu = of_torchvision.pop("final_relu", True)
    model = construct(architecture.name, **of_torchvision)
    relu = find_final_relu(model, architecture.heads[-1].name)
    if relu is not None and not has_final_relu:
        replace_module(model, relu, nn.Identity())
    return model


def _load(
    architecture: ArchitectureSpec, arguments: Mapping[str, int], state_dict: Mapping[str, Tensor]
) -> nn.Module:
    main_head = architecture.heads[-1].name
    with WithoutMemory():
        model = _construct(architecture, arguments)
    if any(buffer.is_meta for buffer in list_computed_buffers(model)):
        model = _construct(architecture, arguments)  # the state_dict does not have their values
    if f"{main_head}.weight" in state_dict:
        num_classes = state_dict[f"{main_head}.weight"].shape[0]
        with WithoutMemory():
            _reshape_heads(
                model, architecture, num_classes, has_bias=f"{main_head}.bias" in state_dict
            )
        without = set()
    else:
        # Weights published without classes (DINOv2): `build` replaces the head.
        without = {name for name in model.state_dict() if name.rpartition(".")[0] == main_head}
    # Copies, because training changes parameters in place and the state_dict belongs to the caller.
    tensors = {key: value.clone() for key, value in state_dict.items()}
    missing, unexpected = load_tensors(model, tensors, strict=not without, assign=True)
    if unexpected or set(missing) - without:
        raise RuntimeError(f"missing tensors: {missing}; unexpected tensors: {unexpected}")
    return model


def _reshape_heads(
    model: nn.Module, architecture: ArchitectureSpec, num_classes: int, *, has_bias: bool = True
) -> None:
    """Replace each head as PyTorch's fine-tuning tutorial does.

    New heads have a bias, also where torchvision's own head has none (MaxViT).
    Source: https://pytorch.org/tutorials/beginner/finetuning_torchvision_models_tutorial.html
    """
    for head in architecture.heads:
        is_convolution = isinstance(model.get_submodule(head.name), nn.Conv2d)
        kind = partial(nn.Conv2d, kernel_size=1) if is_convolution else nn.Linear
        replace_module(model, head.name, kind(head.in_features, num_classes, bias=has_bias))
    if hasattr(model, "num_classes"):
        setattr(model, "num_classes", num_classes)  # noqa: B010 -- no attribute of nn.Module
