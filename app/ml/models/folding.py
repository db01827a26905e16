"""Fold batch normalisation into the convolutions before it, for inference."""

import threading
from collections.abc import Callable
from typing import Any

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_one_at_a_time = threading.Lock()


def fold_batch_norms(model: nn.Module) -> None:
    """Fold, in place, every batch normalisation that is the only reader of a convolution's output.

    The model is in eval mode afterwards; its outputs differ by rounding.
    Source: Jacob et al., 2018, "Quantization and Training of Neural Networks …", §3.2.
    """
    model.eval()
    modules = dict(model.named_modules())
    with _one_at_a_time:
        nodes = [node for node in _Tracer().trace(model).nodes if node.op == "call_module"]
    targets = [node.target for node in nodes]
    for node in nodes:
        source = node.args[0]
        if (
            isinstance(norm := modules[node.target], nn.BatchNorm2d)
            and source in nodes
            and isinstance(conv := modules[source.target], nn.Conv2d)
            and len(source.users) == 1
            and targets.count(source.target) == targets.count(node.target) == 1
        ):
            model.set_submodule(source.target, fuse_conv_bn_eval(conv, norm))
            model.set_submodule(node.target, nn.Identity())


class _Tracer(fx.Tracer):
    """A tracer that only records the calls of its own thread.

    While fx traces, it patches `Module.__call__` for the whole process, so that other threads which
    run models call the tracer too. Two tracers at once would not undo each other's patches.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

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
