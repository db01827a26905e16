"""Train with timm: its loaders, optimizer and scheduler in the loop of its training script.

timm has no SqueezeNet. Its model is torchvision's backbone with average pooling and a linear head,
the head that timm puts on its own backbones.
"""

from functools import partial
from typing import Any

import torch
from timm.data import create_dataset, create_loader
from timm.loss import LabelSmoothingCrossEntropy
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.utils import random_seed

from benchmarks.peers.network import PooledClassifier, get_network
from benchmarks.peers.request import EpochClock, Request

SETTINGS: dict[str, Any] = {
    "source": "timm, train.py: its factories and defaults, rates of its fine-tuning recipes",
    "batch_size": 16,
    "epochs": {"feature_extract": 15, "fine_tune": 8},
    "optimizer": "AdamW 5e-3 for the head alone, 1e-4 for all, weight decay 0.05",
    "schedule": "cosine by updates, one epoch of warm-up",
    "augmentation": "crops of 8-100 % of the area, flips, colour jitter 0.4",
    "loss": "label smoothing 0.1",
    "bfloat16": "--amp --amp-dtype bfloat16 --channels-last",
    "workers": "2 persistent",
    "head": "average pool, linear",
}
_EPOCHS = {"feature_extract": 15, "fine_tune": 8}


def train(request: Request, clock: EpochClock) -> None:
    """Train with a scheduler step per update and validation after each epoch."""
    random_seed(request.seed)
    is_frozen = request.strategy == "feature_extract"
    num_epochs = request.epochs or _EPOCHS[request.strategy]
    loaders = {split: _open(request, split) for split in ("train", "val")}
    num_classes = len(loaders["train"].dataset.reader.class_to_idx)
    model = PooledClassifier(
        request.architecture, request.weights_file, num_classes, is_frozen=is_frozen
    )
    is_mixed = request.precision == "bfloat16"
    autocast = partial(torch.autocast, "cpu", torch.bfloat16, enabled=is_mixed)
    layout = torch.channels_last if is_mixed else torch.contiguous_format
    model.to(memory_format=layout)
    optimizer = create_optimizer_v2(
        model.head if is_frozen else model,
        opt="adamw",
        lr=5e-3 if is_frozen else 1e-4,
        weight_decay=0.05,
    )
    updates = len(loaders["train"])
    scheduler, num_epochs = create_scheduler_v2(
        optimizer,
        sched="cosine",
        num_epochs=num_epochs,
        warmup_epochs=1 if num_epochs > 1 else 0,
        warmup_prefix=False,
        step_on_epochs=False,
        updates_per_epoch=updates,
    )
    loss_function = LabelSmoothingCrossEntropy(0.1)
    num_updates = 0
    clock.begin_epochs()
    for _ in range(num_epochs):
        model.train()
        for images, targets in loaders["train"]:
            optimizer.zero_grad()
            with autocast():
                loss = loss_function(model(images.contiguous(memory_format=layout)), targets)
            loss.backward()
            optimizer.step()
            num_updates += 1
            scheduler.step_update(num_updates)
        model.eval()
        num_correct = num_images = 0
        with torch.inference_mode(), autocast():
            for images, targets in loaders["val"]:
                scores = model(images.contiguous(memory_format=layout))
                num_correct += int((scores.argmax(1) == targets).sum())
                num_images += len(targets)
        clock.end_epoch(num_correct / num_images)


def _open(request: Request, split: str) -> Any:
    is_training, network = split == "train", get_network(request.architecture)
    images = create_dataset(
        "", root=str(request.folder), split=split, is_training=is_training, batch_size=16
    )
    return create_loader(
        images,
        input_size=(3, request.input_size, request.input_size),
        # The training loader drops an incomplete batch, which could be the only one.
        batch_size=min(SETTINGS["batch_size"], len(images)),
        is_training=is_training,
        mean=network.mean,
        std=network.std,
        scale=(0.08, 1.0),
        color_jitter=0.4,
        num_workers=2,
        use_prefetcher=False,
        device=torch.device("cpu"),
        pin_memory=False,
    )
