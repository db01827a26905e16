"""A model split in two: frozen layers that run once on each image, and the trainable part.

The frozen part runs as in serving (dropout off, BatchNorm's statistics kept), so that its output
depends on the image alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from app.errors import InputProblem, ValidationFailed
from app.ml.models.catalogue import ArchitectureSpec
from app.ml.models.features import has_linear_head, pool_head_input, without_head
from app.ml.models.folding import is_from_timm
from app.ml.recipe import Recipe
from app.ml.runtime.precision import ResolvedPrecision, autocast
from worker.training.data import Batch, Sample, plan_batches, shuffle
from worker.training.feed import ImageFeed, Read


@dataclass(frozen=True)
class SplitModel:
    """Two parts that share their parameters with the model.

    frozen maps images, float32 [batch, 3, height, width], to activations [batch, ...]; trainable
    maps activations to scores.
    """

    frozen: nn.Module
    trainable: nn.Module


def split_model(model: nn.Module, architecture: ArchitectureSpec, recipe: Recipe) -> SplitModel:
    """Split a model below its first trainable layer; it is in evaluation mode afterwards.

    Auxiliary heads, which do not take part in predictions, are in neither part.
    Raises ValidationFailed if the model's forward pass cannot be split there.
    """
    if is_split_at_head(model, architecture, recipe):
        head = model.get_submodule(architecture.heads[-1].name)
        return SplitModel(extract_backbone(model, architecture), _HeadOnFeatures(head))
    frozen, trainable = _split(model, recipe.trainable_from or architecture.heads[-1].name)
    return SplitModel(frozen.eval(), trainable)


def is_split_at_head(model: nn.Module, architecture: ArchitectureSpec, recipe: Recipe) -> bool:
    """Return whether the activations are the features that `extract_backbone` computes."""
    return recipe.strategy == "feature_extract" and has_linear_head(model, architecture)


def extract_backbone(model: nn.Module, architecture: ArchitectureSpec) -> nn.Module:
    """Return the layers from images to a linear head's input, float32 [batch, in_features].

    It computes what `tap_features` does. Several threads may call it at a time.
    """
    head = architecture.heads[-1].name
    if architecture.is_of_timm:
        backbone = without_head(model.eval(), head)
    else:
        backbone = _split(model, head)[0].eval()
    return _PooledBackbone(backbone).eval()


def run_once(  # noqa: PLR0913 -- a function, its images, and how they are read
    function: Callable[[Tensor], Tensor],
    images: ImageFeed,
    samples: Sequence[Sample],
    read: Read,
    *,
    precision: ResolvedPrecision,
    on_batch: Callable[[int], None],
) -> tuple[Tensor, Tensor]:
    """Return a function's outputs for all samples, [num_images, ...], and their targets.

    on_batch is called with the number of images of each batch.
    """

    def compute(batch: Tensor) -> Tensor:
        with torch.no_grad(), autocast(precision, images.device):
            return function(batch)

    outputs, targets = [], []
    for output, labels in images.map_once(samples, read, compute):
        outputs.append(output)
        targets.append(labels)
        on_batch(len(labels))
    return torch.cat(outputs), torch.cat(targets)


class _PooledBackbone(nn.Module):
    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> Tensor:
        return pool_head_input(self.backbone(images).float())


class _HeadOnFeatures(nn.Module):
    """A head, linear or a 1x1 convolution, on features [batch, in_features]."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, features: Tensor) -> Tensor:
        weight, bias = self.head.weight, self.head.bias
        return nn.functional.linear(features, weight.flatten(1), bias)  # type: ignore[operator, arg-type]


class _LayerTracer(fx.Tracer):
    """Does not trace into building blocks of torch, torchvision and timm.

    Some of them (stochastic depth) behave differently in training; tracing would fix one behaviour.
    """

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        is_block = type(m).__module__.startswith(("torchvision.ops", "timm.layers."))
        return is_block or super().is_leaf_module(m, module_qualified_name)


def _split(model: nn.Module, layer: str) -> tuple[nn.Module, nn.Module]:
    """Return the graph before a layer's first operation, and the rest of it.

    This is valid only if a single value crosses the split point. Operations without parameters
    just before the layer (DenseNet's concatenations) are moved behind it if that achieves it.
    """
    try:
        graph = _LayerTracer().trace(model.eval())
    except Exception as error:
        if not is_from_timm(model):
            raise
        raise _not_split(layer) from error  # its forward pass depends on values or sizes
    nodes: list[fx.Node] = list(graph.nodes)
    start = next((at for at, node in enumerate(nodes) if _belongs_to(node, layer)), 0)
    crossing = _find_crossing(nodes[:start], nodes[start:])
    while len(crossing) != 1 and start > 0 and nodes[start - 1].op == "call_function":
        start -= 1
        crossing = _find_crossing(nodes[:start], nodes[start:])
    if len(crossing) != 1:
        raise _not_split(layer)
    (line,) = crossing
    return _extract(model, graph, None, line), _extract(model, graph, line, None)


def _not_split(layer: str) -> ValidationFailed:
    message = (
        f"This architecture cannot be split before {layer}, so the layers below it cannot be run "
        "only once; set `cached_views` to null."
    )
    return ValidationFailed(InputProblem(("cached_views",), message, ("null",)))


def _belongs_to(node: fx.Node, layer: str) -> bool:
    is_of_model = node.op in {"call_module", "get_attr"}
    return is_of_model and f"{node.target}.".startswith(f"{layer}.")


def _find_crossing(before: list[fx.Node], after: list[fx.Node]) -> list[fx.Node]:
    late = set(after)
    return [node for node in before if late & set(node.users)]


def _extract(
    model: nn.Module, graph: fx.Graph, start: fx.Node | None, end: fx.Node | None
) -> fx.GraphModule:
    """Return the part of a graph from one node's value to another's, on the model's layers."""
    part = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    nodes: list[fx.Node] = list(graph.nodes)
    first = 0
    if start is not None:
        copies[start] = part.placeholder("activations")
        first = nodes.index(start) + 1
    for node in nodes[first:]:
        if start is not None and node.op == "placeholder":
            continue
        if not all(source in copies for source in node.all_input_nodes):
            continue
        if node.op == "output":
            part.output(fx.node.map_arg(node.args[0], copies.__getitem__))
            continue
        copies[node] = part.node_copy(node, copies.__getitem__)
        if node is end:
            part.output(copies[node])
            break
    return fx.GraphModule(model, part)


@dataclass(frozen=True)
class ActivationFeed:
    """Training and validation batches of the frozen layers' outputs.

    views: one tensor [num_train_images, ...] for each view; epochs take them in turn.
    """

    recipe: Recipe
    views: list[Tensor]
    train_targets: Tensor
    val: Tensor
    val_targets: Tensor

    @property
    def num_train_batches(self) -> int:
        return len(plan_batches(len(self.train_targets), self.recipe.batch_size))

    @property
    def num_val_batches(self) -> int:
        return len(plan_batches(len(self.val), self.recipe.batch_size))

    def train_batches(self, epoch: int) -> Iterator[Batch]:
        activations = self.views[(epoch - 1) % len(self.views)]
        order = torch.tensor(
            shuffle(
                self.train_targets.cpu(),
                seed=self.recipe.seed,
                epoch=epoch,
                is_balanced=self.recipe.class_balance == "sampling",
            ),
            device=activations.device,
        )
        for chosen in torch.split(order, plan_batches(len(order), self.recipe.batch_size)):
            yield activations[chosen], self.train_targets[chosen]

    def val_batches(self) -> Iterator[Batch]:
        sizes = plan_batches(len(self.val), self.recipe.batch_size)
        return zip(torch.split(self.val, sizes), torch.split(self.val_targets, sizes), strict=True)
