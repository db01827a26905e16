"""Train with Hugging Face's `Trainer`, with the arguments of its image-classification guide."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import EvalPrediction, Trainer, TrainerCallback, TrainingArguments, set_seed

from benchmarks.peers.network import PooledClassifier
from benchmarks.peers.preparation import open_split
from benchmarks.peers.request import EpochClock, Request

SETTINGS: dict[str, Any] = {
    "source": "transformers, Image classification guide; rates for this network",
    "batch_size": 16,
    "epochs": {"feature_extract": 15, "fine_tune": 8},
    "optimizer": "AdamW 5e-3 for the head alone, 1e-4 for all",
    "schedule": "linear, a tenth of warm-up",
    "workers": "2 persistent",
    "head": "average pool, linear",
}
_EPOCHS = {"feature_extract": 15, "fine_tune": 8}


class _Classifier(nn.Module):
    """A model as Trainer expects it: forward takes keywords and returns loss and logits."""

    def __init__(self, request: Request, num_classes: int) -> None:
        super().__init__()
        is_frozen = request.strategy == "feature_extract"
        self.model = PooledClassifier(
            request.architecture, request.weights_file, num_classes, is_frozen=is_frozen
        )

    def forward(self, pixel_values: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.model(pixel_values)
        return {"loss": cross_entropy(logits, labels), "logits": logits}


class _ReportEpochs(TrainerCallback):
    def __init__(self, clock: EpochClock) -> None:
        self.clock = clock

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.clock.begin_epochs()

    def on_evaluate(self, *_: Any, metrics: dict[str, float], **__: Any) -> None:
        self.clock.end_epoch(metrics["eval_accuracy"])


def train(request: Request, clock: EpochClock) -> None:
    """Train, evaluate and save each epoch, and load the best weights at the end."""
    set_seed(request.seed)
    train_images, val_images = (open_split(request, split) for split in ("train", "val"))
    arguments = TrainingArguments(
        output_dir=str(request.scratch_dir),
        num_train_epochs=request.epochs or _EPOCHS[request.strategy],
        per_device_train_batch_size=SETTINGS["batch_size"],
        per_device_eval_batch_size=SETTINGS["batch_size"],
        learning_rate=5e-3 if request.strategy == "feature_extract" else 1e-4,
        warmup_steps=0.1,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="accuracy",
        dataloader_num_workers=2,
        dataloader_persistent_workers=True,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        label_names=["labels"],
        seed=request.seed,
        bf16=request.precision == "bfloat16",
        use_cpu=True,
        disable_tqdm=True,
        report_to="none",
    )
    Trainer(
        model=_Classifier(request, len(train_images.classes)),
        args=arguments,
        data_collator=_collate,
        train_dataset=train_images,
        eval_dataset=val_images,
        compute_metrics=_measure,
        callbacks=[_ReportEpochs(clock)],
    ).train()


def _collate(samples: list[tuple[Tensor, int]]) -> dict[str, Tensor]:
    return {
        "pixel_values": torch.stack([image for image, _ in samples]),
        "labels": torch.tensor([target for _, target in samples]),
    }


def _measure(prediction: EvalPrediction) -> dict[str, float]:
    scores, targets = np.asarray(prediction.predictions), np.asarray(prediction.label_ids)
    return {"accuracy": float((scores.argmax(1) == targets).mean())}
