"""The context and the setup of a training process, both immutable."""

from dataclasses import dataclass

import torch
from torch import nn

from app.jobs.schemas import ResolvedTraining
from app.ml.models.catalogue import ArchitectureSpec
from app.ml.models.checkpoint import CheckpointHeader
from app.ml.models.features import set_head
from app.ml.recipe import Recipe
from app.storage import Storage
from worker.training.balance import Balance, SolvedHeads
from worker.training.config import TrainingConfig
from worker.training.data import Loader
from worker.training.distributed import SINGLE_PROCESS, ProcessGroup
from worker.training.feed import ImageFeed, Splits
from worker.training.fit import Feed
from worker.training.frozen import ActivationFeed
from worker.training.head import LinearHead, Solution
from worker.training.learner import Learner
from worker.training.progress import ProgressReporter


@dataclass(frozen=True, kw_only=True)
class TrainingContext:
    """The configuration, device, storage, loader and process group of a training process.

    solved: heads on the frozen backbone's features, where they are known already.
    """

    config: TrainingConfig
    storage: Storage
    loader: Loader
    device: torch.device
    progress: ProgressReporter
    group: ProcessGroup = SINGLE_PROCESS
    solved: SolvedHeads | None = None

    @property
    def recipe(self) -> Recipe:
        return self.config.recipe


@dataclass(frozen=True, kw_only=True)
class TrainingSetup:
    """A model with its data and its learner, ready for the first epoch.

    model is the whole network; learner.model may be its trainable part alone. images are all images
    of the job; feed gives the batches of this process's epochs, which are activations where the
    frozen layers run only once. layers are the trainable parameters from the head downwards.
    head_start is the solved head that the training begins with, in the process that solved it;
    balance is what `class_balance: auto` decided there.
    resolved holds the values that were resolved during preparation.
    """

    context: TrainingContext
    architecture: ArchitectureSpec
    model: nn.Module
    header: CheckpointHeader
    splits: Splits
    images: ImageFeed
    feed: Feed
    learner: Learner
    layers: list[list[nn.Parameter]]
    head_start: Solution | None
    balance: Balance | None
    resolved: ResolvedTraining

    @property
    def recipe(self) -> Recipe:
        return self.context.recipe

    @property
    def activations(self) -> ActivationFeed | None:
        """The outputs of the frozen layers, if these run only once."""
        return self.feed if isinstance(self.feed, ActivationFeed) else None

    @property
    def whole_feed(self) -> Feed:
        """The batches of an epoch, not divided among processes."""
        return self.activations or self.images

    def set_head(self, head: LinearHead) -> None:
        """Put a solved head into the model."""
        set_head(self.model, self.architecture, head.weight, head.bias)
