"""Fold batch normalisation into the convolutions before it, for inference."""

import threading
from collections.abc import Callable
from typing import Any, TypeGuard

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_one_at_a_time = threading.Lock()


def fold_batch_norms(model: nn.Module) -> None:
    """Fold, in place, every batch normalisation that is the only reader of a convolution's output.

    The model is in eval mode afterwards; its outputs differ by rounding. A model of timm that
    torch.fx cannot trace keeps its normalisation, which only costs time.
    Source: Jacob et al., 2018, "Quantization and Training of Neural Networks …", §3.2.
    """
    model.eval()
    modules = dict(model.named_modules())
    with _one_at_a_time:
        try:
            graph = _Tracer().trace(model)
        except Exception:
            if is_from_timm(model):
                return
            raise
    nodes = [node for node in graph.nodes if node.op == "call_module"]
    targets = [node.target for node in nodes]
    for node in nodes:
        source: Any = node.args[0] if node.args else None
        if (
            _is_batch_norm(norm := modules[node.target])
            and source in nodes
            and _is_convolution(conv := modules[source.target])
            and len(source.users) == 1
            and targets.count(source.target) == targets.count(node.target) == 1
        ):
            model.set_submodule(source.target, fuse_conv_bn_eval(conv, norm))
            model.set_submodule(node.target, _keep_activation(norm))


def is_from_timm(model: nn.Module) -> bool:
    """Return whether a model, or a layer, is defined in timm."""
    return type(model).__module__.startswith("timm.")


def _is_batch_norm(module: nn.Module) -> TypeGuard[nn.BatchNorm2d]:
    return type(module) is nn.BatchNorm2d or type(module).__name__ == "BatchNormAct2d"


def _is_convolution(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Return whether a module only convolves: timm's other subclasses change their weights."""
    return type(module) is nn.Conv2d or type(module).__name__ == "Conv2dSame"


def _keep_activation(norm: nn.BatchNorm2d) -> nn.Module:
    """Return what follows the normalisation inside its module: in timm's, an activation."""
    if type(norm) is nn.BatchNorm2d:
        return nn.Identity()
    return nn.Sequential(norm.drop, norm.act)  # type: ignore[arg-type] # modules of BatchNormAct2d


class _Tracer(fx.Tracer):
    """A tracer that only records the calls of its own thread.

    While fx traces, it patches `Module.__call__` for the whole process, so that other threads which
    run models call the tracer too. Two tracers at once would not undo each other's patches.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        is_layer = type(m).__module__.startswith("timm.layers.")
        return is_layer or super().is_leaf_module(m, module_qualified_name)

    def call_module(
        self,
        m: nn.Module,
        forward: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)
