"""A model cut in two: layers that are run once on each image, and the part behind them that learns.

The frozen part runs as it serves (dropout off, BatchNorm's statistics kept), so what it makes of an
image depends on nothing but the image.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from app.errors import InputProblem, ValidationFailed
from app.ml.models.catalogue import Entry
from app.ml.models.features import has_linear_head
from app.ml.recipe import Recipe
from worker.training.data import Batch, plan_batches, shuffle


@dataclass(frozen=True)
class Cut:
    """Two parts that share their parameters with the model.

    front: images, float32 [batch, 3, height, width], to activations [batch, ...]; tail: activations
    to scores.
    """

    front: Callable[[Tensor], Tensor]
    tail: nn.Module


def cut_model(model: nn.Module, entry: Entry, recipe: Recipe) -> Cut:
    """Cut a model below the first layer that learns; it is in evaluation mode afterwards.

    Auxiliary heads, which have no part in what a model answers, are in neither part.
    Raises ValidationFailed where the model's forward pass cannot be cut there.
    """
    if ends_at_head(model, entry, recipe):
        head = model.get_submodule(entry.heads[-1].name)
        return Cut(cut_features(model, entry), _HeadOnFeatures(head))
    front, tail = _split(model, recipe.trainable_from or entry.heads[-1].name)
    return Cut(front.eval(), tail)


def ends_at_head(model: nn.Module, entry: Entry, recipe: Recipe) -> bool:
    """Whether what the frozen layers give is the features that `cut_features` gives."""
    return recipe.strategy == "feature_extract" and has_linear_head(model, entry)


def cut_features(model: nn.Module, entry: Entry) -> Callable[[Tensor], Tensor]:
    """What gives a linear head its input, float32 [batch, in_features], as `tap_features` does.

    Several threads may call it at a time.
    """
    head = entry.heads[-1].name
    front = _split(model, head)[0].eval()
    is_convolution = isinstance(model.get_submodule(head), nn.Conv2d)

    def run_front(images: Tensor) -> Tensor:
        activations: Tensor = front(images).float()
        return activations.mean((2, 3)) if is_convolution else activations

    return run_front


class _HeadOnFeatures(nn.Module):
    """A head, linear or a 1x1 convolution, on features [batch, in_features]."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, features: Tensor) -> Tensor:
        weight, bias = self.head.weight, self.head.bias
        return nn.functional.linear(features, weight.flatten(1), bias)  # type: ignore[operator, arg-type]


class _LayerTracer(fx.Tracer):
    """Keeps torch's and torchvision's own building blocks whole.

    Some of them (stochastic depth) look at whether they train, which tracing would fix for good.
    """

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        is_block = m.__module__.startswith("torchvision.ops")
        return is_block or super().is_leaf_module(m, module_qualified_name)


def _split(model: nn.Module, layer: str) -> tuple[nn.Module, nn.Module]:
    """The graph before a layer's first operation, and the rest of it.

    Sound only where a single value crosses that line. Operations without parameters just before the
    layer (DenseNet's concatenations) go with it where that makes it so.
    """
    graph = _LayerTracer().trace(model.eval())
    nodes: list[fx.Node] = list(graph.nodes)
    start = next((at for at, node in enumerate(nodes) if _belongs_to(node, layer)), 0)
    crossing = _find_crossing(nodes[:start], nodes[start:])
    while len(crossing) != 1 and start > 0 and nodes[start - 1].op == "call_function":
        start -= 1
        crossing = _find_crossing(nodes[:start], nodes[start:])
    if len(crossing) != 1:
        message = f"This architecture cannot be cut before {layer} to run what is below it once."
        raise ValidationFailed(InputProblem(("cached_views",), message, ("null",)))
    (line,) = crossing
    return _extract(model, graph, None, line), _extract(model, graph, line, None)


def _belongs_to(node: fx.Node, layer: str) -> bool:
    is_of_model = node.op in {"call_module", "get_attr"}
    return is_of_model and f"{node.target}.".startswith(f"{layer}.")


def _find_crossing(before: list[fx.Node], after: list[fx.Node]) -> list[fx.Node]:
    late = set(after)
    return [node for node in before if late & set(node.users)]


def _extract(
    model: nn.Module, graph: fx.Graph, start: fx.Node | None, end: fx.Node | None
) -> fx.GraphModule:
    """The part of a graph from a node's value to another's, on the model's own layers."""
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
    """Training and validation batches of what the frozen layers made of the images.

    views: one tensor [num_train_images, ...] each; epochs take them in turn.
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
