"""A model with everything that a training step needs."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from app.ml.recipe import BatchNormMode, Ema
from app.ml.runtime.precision import ResolvedPrecision, autocast
from worker.training.distributed import SINGLE_PROCESS, ProcessGroup
from worker.training.objective import Objective


class Average:
    """The exponential moving average of a model's trainable weights (Polyak & Juditsky, 1992)."""

    def __init__(self, model: nn.Module, ema: Ema) -> None:
        self.decay = ema.decay
        self._parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.tensors = {name: p.detach().clone() for name, p in self._parameters.items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from a stored average."""
        for name, tensor in tensors.items():
            self.tensors[name].copy_(tensor)

    @torch.no_grad()
    def update(self) -> None:
        """Update the average with the weights after a step."""
        for name, parameter in self._parameters.items():
            self.tensors[name].lerp_(parameter, 1.0 - self.decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Swap the average into the model while this is open."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for name, parameter in self._parameters.items():
            parameter.data, self.tensors[name] = self.tensors[name], parameter.data


@dataclass(frozen=True, kw_only=True)
class Learner:
    """The parts of a training step; their states change, the parts stay the same objects.

    model maps a batch to scores: the whole network, or its trainable part behind layers that run
    only once. The optimizer has one parameter group for each factor of the learning rate
    (`scale`); it is None if a head is solved for.
    """

    model: nn.Module
    optimizer: Optimizer | None
    objective: Objective
    device: torch.device
    precision: ResolvedPrecision = "fp32"
    batch_norm: BatchNormMode = "train"
    clip_norm: float | None = None
    accumulate: int = 1
    average: Average | None = None
    group: ProcessGroup = SINGLE_PROCESS

    @cached_property
    def scaler(self) -> torch.amp.GradScaler:
        """Scale of the gradients; only float16 has a range so small that gradients need it."""
        return torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")

    @contextmanager
    def evaluated(self) -> Iterator[nn.Module]:
        """Put the model into evaluation mode, with the weights that are validated and stored."""
        self.model.eval()
        with nullcontext() if self.average is None else self.average.in_place():
            yield self.model

    def begin_training(self) -> None:
        """Enable dropout, and updates of BatchNorm's statistics unless the recipe keeps these."""
        self.model.train()
        if self.batch_norm == "eval":
            for module in self.model.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()

    def load(
        self,
        optimizer: dict[str, Any],
        scaler: dict[str, Any],
        average: Mapping[str, Tensor] | None,
    ) -> None:
        """Restore the state that an earlier attempt stored."""
        if self.optimizer is not None:
            self.optimizer.load_state_dict(optimizer)
        self.scaler.load_state_dict(scaler)
        if self.average is not None and average is not None:
            self.average.load(average)

    def autocast(self) -> AbstractContextManager[object]:
        return autocast(self.precision, self.device)

    def broadcast(self) -> None:
        """Copy rank 0's weights, buffers, average and class weights to all processes."""
        average = () if self.average is None else self.average.tensors.values()
        weights = self.objective.class_weights
        decided = () if weights is None else (weights,)
        self.group.broadcast([*self.model.parameters(), *self.model.buffers(), *average, *decided])

    def step(self, learning_rate: float, weight: float | Tensor = 1.0) -> None:
        """Move the parameters along their gradients and clear these.

        weight is the total weight of this process's images. With several processes, the gradients
        are those of sums over images.
        """
        optimizer = self.optimizer
        if optimizer is None:
            raise AssertionError("a head that is solved for takes no steps")
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * group["scale"]
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.group.average_gradients(parameters, weight)
        if self.clip_norm is not None:
            self.scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(parameters, self.clip_norm)
        self.scaler.step(optimizer)
        self.scaler.update()
        optimizer.zero_grad()
        if self.average is not None:
            self.average.update()


@contextmanager
def frozen(parameters: list[nn.Parameter]) -> Iterator[None]:
    """Freeze parameters while this is open."""
    for parameter in parameters:
        parameter.requires_grad = False
        parameter.grad = None
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad = True
