"""Small learners for tests that need no images."""

from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Optimizer

from worker.training.learner import Learner
from worker.training.objective import Objective

CPU = torch.device("cpu")


def sgd(model: nn.Module, *, momentum: float = 0.0, weight_decay: float = 0.0) -> Optimizer:
    """SGD with the one parameter group that `make_optimizer` gives without layer decay."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [{"params": parameters, "scale": 1.0}]
    return SGD(groups, lr=9.0, momentum=momentum, weight_decay=weight_decay)


def make_learner(model: nn.Module, optimizer: Optimizer | None = None, **settings: Any) -> Learner:
    """A learner of the plain cross-entropy on the CPU; keyword arguments are the learner's."""
    objective = settings.pop("objective", Objective("resnet18"))
    return Learner(
        model=model,
        optimizer=optimizer or sgd(model),
        objective=objective,
        device=CPU,
        **settings,
    )
