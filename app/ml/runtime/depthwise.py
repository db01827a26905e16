"""Differentiate depthwise convolutions in float32 where a CPU computes in bfloat16."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class DepthwiseGradientsInFloat32(TorchFunctionMode):
    """A context in which gradients of depthwise convolutions are computed in float32.

    On CPUs torch has fast kernels for these convolutions in bfloat16, but mostly none for their
    gradients: an EfficientNet would train more slowly than in float32 (`benchmarks.depthwise`
    measures it). Outputs and stored activations keep the precision of autocast.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        _types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch; a convolution with the gradients of this module."""
        if func is torch.conv2d and torch.is_grad_enabled():
            func = _convolve
        return func(*args, **(kwargs or {}))


def _convolve(  # noqa: PLR0913, PLR0917 -- torch's signature
    images: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Return what `torch.conv2d` returns for the same arguments."""
    is_depthwise = groups > 1 and weight.shape[1] == 1
    if not is_depthwise or isinstance(padding, str):
        return torch.conv2d(images, weight, bias, stride, padding, dilation, groups)
    if torch.is_autocast_enabled("cpu"):  # as autocast would do, so that no more is stored
        images = images.to(torch.get_autocast_dtype("cpu"))
    output: Tensor = _Depthwise.apply(
        images, weight, _pair(stride), _pair(padding), _pair(dilation), groups
    )
    return output if bias is None else output + bias.to(output.dtype)[:, None, None]


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, *sizes: Any) -> Tensor:
        ctx.save_for_backward(images, weight)
        ctx.sizes = sizes
        return torch.conv2d(images, weight, None, *sizes)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        images, weight = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.sizes
        of_images, of_weight, _ = torch.ops.aten.convolution_backward(
            gradient.float(),
            images.float(),
            weight.float(),
            bias_sizes=None,
            stride=stride,
            padding=padding,
            dilation=dilation,
            transposed=False,
            output_padding=[0, 0],
            groups=groups,
            output_mask=[*ctx.needs_input_grad[:2], False],
        )
        return (
            None if of_images is None else of_images.to(images.dtype),
            None if of_weight is None else of_weight.to(weight.dtype),
            *[None] * 4,
        )


def _pair(value: int | Sequence[int]) -> list[int]:
    return [value] * 2 if isinstance(value, int) else list(value)
