"""Batch normalisation made part of the convolutions before it, for networks that only answer."""

import threading
from collections.abc import Callable
from typing import Any

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_one_at_a_time = threading.Lock()


def fold_batch_norms(model: nn.Module) -> None:
    """Fold every batch normalisation that alone reads a convolution's output, in place.

    The model is in eval mode afterwards; its answers differ by rounding. What else there is stays.
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
    """A tracer of this thread's calls alone.

    While it traces, fx has every module of the process call it, those too that answer in other
    threads; and two that trace at once would not undo each other's patches.
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
