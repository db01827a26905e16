"""Write `timm_catalogue.jsonl`: `python -m app.ml.models.timm_catalogue_generator` (20 minutes).

With names of timm as arguments, it writes only their lines anew.
Models run on torch's meta device, which computes shapes without memory or arithmetic. An
architecture that does not fit the service's rules gets a line with the reason.
"""

import json
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import timm
import torch
from timm.layers.linear import Linear as CastingLinear
from timm.models import get_pretrained_cfg
from timm.models._manipulate import group_parameters
from timm.models._pretrained import PretrainedCfg
from torch import Tensor, nn

from app.ml.models.catalogue import (
    NUM_IMAGENET_CLASSES,
    ArchitectureSpec,
    HeadSpec,
    LayerSpec,
    WeightsSpec,
)
from app.ml.models.catalogue_generator import list_layers
from app.ml.models.construction import WithoutMemory, construct
from app.ml.models.shapes import ShapesOnly
from app.ml.models.timm_catalogue import CATALOGUE_PATH, PREFIX
from app.ml.models.timm_input_sizes import FAILURES, Refused, find_input_sizes, first_line, run

_EXAMPLES = 2
_UNUSUAL_NUMBER = 1009
"""A number of classes that is the size of nothing else."""

_DECIMALS = 3
_LINES_PER_WRITE = 20
_MAX_INPUT_SIZE = 1024
_IMAGE, _VECTOR = 4, 2


def describe(name: str) -> ArchitectureSpec:
    """Measure an architecture, named without its prefix.

    Raises Refused where it cannot be trained by the rules of this service.
    """
    tags = _list_tags(name)
    config = _get_config(name, tags[0] if tags else None)
    input_size = _check_input(config)
    model = _construct(name, num_classes=_UNUSUAL_NUMBER)
    counter = ShapesOnly()
    head = _find_head(model, input_size, counter)
    sizes = find_input_sizes(name, model, input_size)
    num_backbone_parameters = sum(
        p.numel() for key, p in model.named_parameters() if key.rpartition(".")[0] != head.name
    )
    has_bias = model.get_submodule(head.name).bias is not None
    num_head_parameters = (head.in_features + has_bias) * NUM_IMAGENET_CLASSES
    gflops = {input_size: counter.num_multiply_adds / _EXAMPLES / 1e9}
    return ArchitectureSpec(
        name=PREFIX + name,
        input_size=input_size,
        fixed_input_size=sizes.step is None,
        input_size_step=sizes.step or 1,
        is_built_for_size=sizes.is_built_for_size,
        min_input_size=sizes.smallest,
        min_input_size_batch_of_one=sizes.smallest_alone,
        num_parameters=num_backbone_parameters + num_head_parameters,
        num_backbone_parameters=num_backbone_parameters,
        layers=find_layers(model, head.name),
        heads=(head,),
        weights=tuple(_describe_weights(name, tags, model, head, gflops)),
    )


def to_line(name: str) -> str:
    """Return an architecture's line; default values are left out, layers are lists."""
    try:
        spec = describe(name)
    except Refused as reason:
        return _dump({"name": PREFIX + name, "refused": str(reason)})
    values = spec.model_dump(mode="json", exclude_defaults=True)
    values["layers"] = [[layer.name, layer.num_parameters, *layer.also] for layer in spec.layers]
    return _dump(values)


def update(names: Iterable[str]) -> None:
    """Write the lines of these architectures into the catalogue, and keep its other lines."""
    lines = {_read_name(line): line for line in CATALOGUE_PATH.read_text("utf-8").splitlines()}
    for number, name in enumerate(names, 1):
        lines[PREFIX + name] = to_line(name)
        if number % _LINES_PER_WRITE == 0:
            _write(lines)
    _write(lines)


def _read_name(line: str) -> str:
    name: str = json.loads(line)["name"]
    return name


def _write(lines: Mapping[str, str]) -> None:
    text = "".join(f"{lines[name]}\n" for name in sorted(lines))
    CATALOGUE_PATH.write_text(text, encoding="utf-8")


def find_layers(model: nn.Module, head: str) -> tuple[LayerSpec, ...]:
    """List timm's coarse groups of the backbone's parameters in the order of the forward pass.

    A layer is named after its first module. Groups without a module belong to the next layer.
    Without groups of timm's, the children of the modules that only contain others are the layers.
    """
    try:
        group_of = group_parameters(model, model.group_matcher(coarse=True), reverse=True)  # type: ignore[operator] # a method
    except (AttributeError, NotImplementedError, TypeError, AssertionError):
        return list_layers(model, (head,))
    all_names = [name for name, _ in model.named_parameters()]
    counts = {
        name: parameter.numel()
        for name, parameter in model.named_parameters()
        if name.rpartition(".")[0] != head
    }
    groups: dict[int, list[str]] = defaultdict(list)
    for name in counts:
        groups[group_of[name]].append(name)
    modules = {name for name, _ in model.named_modules()}
    layers: list[LayerSpec] = []
    waiting: list[str] = []
    for _, names in sorted(groups.items()):
        names = [*waiting, *names]  # noqa: PLW2901 -- the group with what waited for a module
        parts = _shorten(names, [name for name in all_names if name not in set(names)])
        first = next((part for part in parts if part in modules), None)
        if first is None:
            waiting = names
            continue
        waiting = []
        layers.append(
            LayerSpec(
                name=first,
                num_parameters=sum(counts[name] for name in names),
                also=tuple(part for part in parts if part != first),
            )
        )
    return tuple(layers)


def _shorten(names: list[str], others: list[str]) -> list[str]:
    """Return the shortest prefixes of dotted names that no other name has, in order."""
    taken = {prefix for other in others for prefix in _list_prefixes(other)}
    return list(
        dict.fromkeys(
            next(prefix for prefix in _list_prefixes(name) if prefix not in taken) for name in names
        )
    )


def _list_prefixes(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _list_tags(name: str) -> list[str]:
    """List the tags of published weights, the default first."""
    names = timm.list_pretrained(f"{name}.*") or timm.list_pretrained(name)
    tags = [full.partition(".")[2] for full in names if full.partition(".")[0] == name]
    default = get_pretrained_cfg(name, allow_unregistered=False)
    first = default.tag if default is not None else None
    return sorted(tags, key=lambda tag: (tag != first, tag))


def _get_config(name: str, tag: str | None) -> PretrainedCfg:
    config = get_pretrained_cfg(f"{name}.{tag}" if tag else name, allow_unregistered=False)
    if config is None:
        raise Refused("timm does not describe its input.")
    return config


def _check_input(config: PretrainedCfg) -> int:
    channels, height, width = config.input_size
    if channels != 3 or height != width:  # noqa: PLR2004 -- red, green and blue
        raise Refused(
            f"its input is {channels} x {height} x {width}; only square RGB images are supported."
        )
    if height > _MAX_INPUT_SIZE:
        raise Refused(f"its input has {height} pixels; the limit is {_MAX_INPUT_SIZE}.")
    return int(height)


def _construct(name: str, **arguments: Any) -> nn.Module:
    try:
        with WithoutMemory():
            return construct(PREFIX + name, **arguments).to("meta")
    except FAILURES as error:
        raise Refused(f"timm cannot build it without memory: {first_line(error)}") from error


def _find_head(model: nn.Module, input_size: int, counter: ShapesOnly) -> HeadSpec:
    """Find the one layer whose parameters depend on the number of classes.

    Raises Refused unless it is linear and its output is the model's.
    """
    heads = tuple(
        dict.fromkeys(
            name.rpartition(".")[0]
            for name, parameter in model.named_parameters()
            if _UNUSUAL_NUMBER in parameter.shape
        )
    )
    if len(heads) != 1:
        raise Refused(
            "it has no layer that computes one score per class."
            if not heads
            else f"its scores are computed by several heads: {', '.join(heads)}."
        )
    layer = model.get_submodule(heads[0])
    is_linear = type(layer) in {nn.Linear, CastingLinear}
    is_convolution = type(layer) is nn.Conv2d and layer.kernel_size == (1, 1)
    if not (is_linear or is_convolution):
        raise Refused(f"its head {heads[0]} is {type(layer).__name__}, not a linear layer.")
    with _Recorder(layer) as recorded:
        output = run(model.eval(), _EXAMPLES, input_size, counter)
    inputs, scores = recorded.input, recorded.output
    if inputs is None or not isinstance(scores, Tensor) or not isinstance(output, Tensor):
        raise Refused(f"its head {heads[0]} does not compute the model's scores.")
    if inputs.ndim != (_IMAGE if is_convolution else _VECTOR):
        raise Refused(f"its head {heads[0]} gets an input of {inputs.ndim} dimensions.")
    if not _shares_memory(scores, output) or scores.numel() != output.numel():
        raise Refused(f"its scores are computed from the output of its head {heads[0]}.")
    return HeadSpec(name=heads[0], in_features=inputs.shape[1])


@dataclass
class _Recorder:
    """Records the input and the output of a layer."""

    layer: nn.Module
    input: Tensor | None = None
    output: Any = None

    def __enter__(self) -> Self:
        self._handle = self.layer.register_forward_hook(self._record)
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.remove()

    def _record(self, _layer: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        self.input, self.output = inputs[0], output


def _shares_memory(one: Tensor, other: Tensor) -> bool:
    pointers = {tensor.untyped_storage()._cdata for tensor in (one, other)}  # noqa: SLF001 -- identity
    return len(pointers) == 1


def _describe_weights(
    name: str, tags: list[str], model: nn.Module, head: HeadSpec, gflops: dict[int, float]
) -> Iterator[WeightsSpec]:
    """Describe the weights whose tensors, except the head's, are those of the model.

    gflops: known billions of multiply-adds by input size.
    """
    expected = _list_shapes(model, head.name)
    fits = {(NUM_IMAGENET_CLASSES, size): True for size in gflops}
    is_default = True
    for tag in tags:
        config = _get_config(name, tag)
        _, height, width = config.input_size
        key = (config.num_classes, height)
        if key not in fits:
            published = _construct(name, pretrained_cfg=tag, num_classes=config.num_classes)
            fits[key] = height == width and _list_shapes(published, head.name) == expected
        if not fits[key]:
            print(f"left out: {name}.{tag}", file=sys.stderr)  # noqa: T201 -- a command's output
            continue
        if height not in gflops:
            gflops[height] = _count_gflops(model, height)
        hub_id = config.hf_hub_id
        yield WeightsSpec(
            name=tag or "default",
            is_default=is_default,
            hub_id=f"{hub_id}{name}.{tag}" if hub_id and hub_id.endswith("/") else hub_id,
            licence=config.license,
            num_classes=config.num_classes,
            gflops=round(gflops[height], _DECIMALS),
            resize_size=int(height / config.crop_pct),
            crop_size=height,
            mean=config.mean,
            std=config.std,
            interpolation=config.interpolation,
        )
        is_default = False


def _list_shapes(model: nn.Module, head: str) -> dict[str, torch.Size]:
    return {
        key: tensor.shape
        for key, tensor in model.state_dict().items()
        if key.rpartition(".")[0] != head
    }


def _count_gflops(model: nn.Module, size: int) -> float:
    counter = ShapesOnly()
    run(model.eval(), 1, size, counter)
    return counter.num_multiply_adds / 1e9


def _dump(values: dict[str, Any]) -> str:
    return json.dumps(values, separators=(",", ":"))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if not sys.argv[1:]:
        CATALOGUE_PATH.write_text("", encoding="utf-8")
    update(sys.argv[1:] or timm.list_models())
