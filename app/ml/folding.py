"""Batch normalisation made part of the convolutions before it, for networks that only answer."""

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norms(model: nn.Module) -> None:
    """Fold every batch normalisation that alone reads a convolution's output, in place.

    The model is in eval mode afterwards; its answers differ by rounding. What else there is stays.
    Source: Jacob et al., 2018, "Quantization and Training of Neural Networks …", §3.2.
    """
    model.eval()
    modules = dict(model.named_modules())
    nodes = [node for node in fx.symbolic_trace(model).graph.nodes if node.op == "call_module"]
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
