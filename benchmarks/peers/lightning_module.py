"""Train with Lightning: a LightningModule and a Trainer, as in its transfer-learning guide."""

import logging
import warnings
from typing import Any

import lightning
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim import Adam, Optimizer
from torch.utils.data import DataLoader

from benchmarks.peers.network import PooledClassifier
from benchmarks.peers.preparation import open_split
from benchmarks.peers.request import EpochClock, Request

SETTINGS: dict[str, Any] = {
    "source": "Lightning, Transfer Learning: LightningModule, Adam; persistent workers as it warns",
    "batch_size": 16,
    "epochs": {"feature_extract": 15, "fine_tune": 8},
    "optimizer": "Adam 3e-3 for the head alone, 1e-4 for all",
    "workers": "2 persistent",
    "head": "average pool, linear",
}
_EPOCHS = {"feature_extract": 15, "fine_tune": 8}


class Classifier(lightning.LightningModule):
    """A classifier with the training and validation steps that the Trainer calls."""

    def __init__(self, request: Request, num_classes: int, clock: EpochClock) -> None:
        super().__init__()
        self.is_frozen = request.strategy == "feature_extract"
        self.clock = clock
        self.model = PooledClassifier(
            request.architecture, request.weights_file, num_classes, is_frozen=self.is_frozen
        )
        self.num_correct = self.num_images = 0

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        images, targets = batch
        return cross_entropy(self.model(images), targets)

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        images, targets = batch
        self.num_correct += int((self.model(images).argmax(1) == targets).sum())
        self.num_images += len(targets)

    def on_validation_epoch_end(self) -> None:
        self.clock.end_epoch(self.num_correct / self.num_images)
        self.num_correct = self.num_images = 0

    def configure_optimizers(self) -> Optimizer:
        trainable = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return Adam(trainable, lr=3e-3 if self.is_frozen else 1e-4)


def train(request: Request, clock: EpochClock) -> None:
    """Train with the Trainer."""
    warnings.filterwarnings("ignore", module="lightning")
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    lightning.seed_everything(request.seed, workers=True, verbose=False)
    torch.set_float32_matmul_precision("high")
    loaders = {}
    for split in ("train", "val"):
        images = open_split(request, split)
        num_classes = len(images.classes)
        loaders[split] = DataLoader(
            images,
            batch_size=SETTINGS["batch_size"],
            shuffle=split == "train",
            num_workers=2,
            persistent_workers=True,
        )
    model = Classifier(request, num_classes, clock)
    trainer = lightning.Trainer(
        max_epochs=request.epochs or _EPOCHS[request.strategy],
        precision="bf16-mixed" if request.precision == "bfloat16" else "32-true",
        accelerator="cpu",
        default_root_dir=request.scratch_dir,
        enable_progress_bar=False,
        enable_model_summary=False,
        logger=False,
        num_sanity_val_steps=0,
    )
    clock.begin_epochs()
    trainer.fit(model, loaders["train"], loaders["val"])
