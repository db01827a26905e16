"""BatchNorm over a batch that is divided among several processes."""

from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.modules.batchnorm import _BatchNorm


def share_statistics(model: nn.Module, device: torch.device) -> nn.Module:
    """Make BatchNorm layers compute their statistics over the parts of all processes.

    Weights, buffers and their names stay. On GPUs this uses torch's SyncBatchNorm, which does not
    run on CPUs.
    """
    if device.type == "cuda":
        shared: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call] # torch
        return shared
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, _BatchNorm):
                setattr(parent, name, _SharedBatchNorm(child))
    return model


class _SharedBatchNorm(_BatchNorm):
    """The arithmetic of SyncBatchNorm in plain operations, for processes without a GPU.

    Parts of a batch may be empty, as in SyncBatchNorm.
    """

    def __init__(self, layer: _BatchNorm) -> None:
        super().__init__(layer.num_features, layer.eps, layer.momentum, affine=False)
        self.weight, self.bias = layer.weight, layer.bias
        self.running_mean, self.running_var = layer.running_mean, layer.running_var
        self.num_batches_tracked = layer.num_batches_tracked
        self.train(layer.training)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 -- torch's own name
        if not self.training:
            return super().forward(input)
        values = input.float()
        dims = [dim for dim in range(input.ndim) if dim != 1]
        shape = [-1 if dim == 1 else 1 for dim in range(input.ndim)]
        count = _all_reduce(values.new_tensor(values.numel() // self.num_features))
        mean = _all_reduce(values.sum(dims)) / count
        centred = values - mean.view(shape)
        variance = _all_reduce(centred.square().sum(dims)) / count
        self._update_statistics(mean.detach(), variance.detach() * count / (count - 1))
        scaled = centred * (variance + self.eps).rsqrt().view(shape)
        return (scaled * self.weight.view(shape) + self.bias.view(shape)).to(input.dtype)

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002 -- torch's own name
        """Accept any number of dimensions."""

    @torch.no_grad()
    def _update_statistics(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.momentum is None:
            raise TypeError("The BatchNorm layer has no running statistics.")
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked += 1


class _AllReduce(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


def _all_reduce(values: Tensor) -> Tensor:
    total: Tensor = _AllReduce.apply(values)
    return total
