"""Run models on torch's meta device quickly: shapes without memory or arithmetic."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.functional import _verify_batch_size  # type: ignore[attr-defined] # untyped
from torch.overrides import TorchFunctionMode

_SAME_SHAPE = {
    *(functional.layer_norm, functional.rms_norm, functional.group_norm),
    *(functional.relu, functional.relu6, functional.gelu, functional.silu, functional.mish),
    *(functional.hardswish, functional.hardsigmoid, functional.sigmoid, torch.sigmoid),
    *(torch.Tensor.sigmoid, functional.softmax, torch.softmax, torch.Tensor.softmax),
}
_ELEMENTWISE = {torch.add, torch.mul, torch.Tensor.add, torch.Tensor.mul}
_PRODUCTS = {torch.matmul, torch.bmm, torch.Tensor.matmul, torch.Tensor.__matmul__}


class ShapesOnly(TorchFunctionMode):
    """Compute the shapes of frequent layers directly, and count multiply-adds.

    On the meta device torch computes these shapes in Python, operation by operation: ten times as
    slow.
    """

    def __init__(self) -> None:
        super().__init__()
        self.num_multiply_adds = 0

    def __torch_function__(  # noqa: PLR0911 -- one for each kind of layer
        self,
        func: Callable[..., Any],
        _types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is functional.batch_norm:
            if kwargs.get("training", len(args) > 5 and args[5]):  # noqa: PLR2004 -- its position
                _verify_batch_size(args[0].size())
            return torch.empty_like(args[0])
        if func in _SAME_SHAPE and args:
            return args[0] if kwargs.get("inplace") else torch.empty_like(args[0])
        if func is functional.linear and args[1:]:
            inputs, weight = args[:2]
            if inputs.shape[-1] != weight.shape[1]:
                raise RuntimeError("the input of a linear layer has another length")
            output: Tensor = torch.empty(*inputs.shape[:-1], weight.shape[0], device="meta")
            self.num_multiply_adds += output.numel() * weight.shape[1]
            return output
        if func is functional.scaled_dot_product_attention and args[2:]:
            query, key, value = args[:3]
            _check_mask(args[3] if args[3:] else kwargs.get("attn_mask"), query, key)
            output = torch.empty(*query.shape[:-1], value.shape[-1], device="meta")
            positions = query.shape[:-1].numel() * key.shape[-2]
            self.num_multiply_adds += positions * (query.shape[-1] + value.shape[-1])
            return output
        if func in _ELEMENTWISE:
            shapes = [one.shape for one in args if isinstance(one, Tensor)]
            return torch.empty(torch.broadcast_shapes(*shapes), device="meta")  # type: ignore[no-untyped-call] # untyped
        if func is functional.conv2d and args[6:] and not isinstance(args[4], str):
            output = _convolve(*args[:6])
            self.num_multiply_adds += output.numel() * args[1][0].numel()
            return output
        result = func(*args, **kwargs)
        if func in _PRODUCTS:
            self.num_multiply_adds += result.numel() * args[0].shape[-1]
        return result


def _check_mask(mask: Tensor | None, query: Tensor, key: Tensor) -> None:
    """Raise RuntimeError unless the mask can be added to the scores of query and key."""
    if mask is not None:
        scores = (*query.shape[:-1], key.shape[-2])
        if torch.broadcast_shapes(mask.shape, scores) != scores:  # type: ignore[no-untyped-call] # untyped
            raise RuntimeError("the mask of an attention is for another number of positions")


def _convolve(
    images: Tensor,
    weight: Tensor,
    _bias: Tensor | None,
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
) -> Tensor:
    """Return a tensor of the shape of a convolution's output."""
    sides = [
        (side + 2 * pad - apart * (kernel - 1) - 1) // step + 1
        for side, pad, apart, kernel, step in zip(
            images.shape[2:], padding, dilation, weight.shape[2:], stride, strict=True
        )
    ]
    if min(sides) < 1:
        raise RuntimeError("the input of a convolution is smaller than its kernel")
    return torch.empty(images.shape[0], weight.shape[0], *sides, device="meta")
