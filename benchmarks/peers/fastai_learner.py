"""Train with fastai: `vision_learner`, its default head and optimizer, and `fine_tune`."""

from typing import Any

import fastai.callback.schedule  # noqa: F401 - gives learners fine_tune and fit_one_cycle
from fastai.callback.core import Callback
from fastai.metrics import accuracy
from fastai.torch_core import set_seed
from fastai.vision.augment import RandomResizedCrop, aug_transforms
from fastai.vision.data import ImageDataLoaders
from fastai.vision.learner import default_split, model_meta, vision_learner
from torch import nn
from torchvision.models import squeezenet1_0

from benchmarks.peers.network import SQUEEZENET, get_network, load_squeezenet
from benchmarks.peers.request import EpochClock, Request

SETTINGS: dict[str, Any] = {
    "source": "fastai, Computer vision intro: vision_learner, fine_tune; bs for few images",
    "batch_size": 16,
    "epochs": {"feature_extract": 5, "fine_tune": "1 frozen + 3"},
    "optimizer": "Adam, one cycle; 1e-3 for the head alone, fine_tune's own 2e-3",
    "augmentation": "RandomResizedCrop(min_scale=0.35), aug_transforms()",
    "precision": "float32; its bfloat16 needs CUDA",
    "workers": "fastai's default, one a core",
    "head": "fastai's: concat pool, batch norm, dropout, two linear layers",
}


def train(request: Request, clock: EpochClock) -> None:
    """Train the head for one cycle, or call fine_tune: first the head, then all layers."""
    set_seed(request.seed, reproducible=True)
    loaders = ImageDataLoaders.from_folder(
        request.folder,
        train="train",
        valid="val",
        bs=SETTINGS["batch_size"],
        item_tfms=RandomResizedCrop(request.input_size, min_scale=0.35),
        batch_tfms=aug_transforms(),
    )

    def architecture(*, pretrained: bool) -> nn.Module:
        assert pretrained  # noqa: S101 - vision_learner's default
        if request.architecture == SQUEEZENET:
            return load_squeezenet(request.weights_file)
        return nn.Sequential(network.load_backbone(request.weights_file), nn.Identity())

    network = get_network(request.architecture)
    if request.architecture == SQUEEZENET:
        published = model_meta[squeezenet1_0]
        model_meta[architecture] = {key: published[key] for key in ("cut", "split", "stats")}
    else:
        stats = (list(network.mean), list(network.std))
        model_meta[architecture] = {"cut": -1, "split": default_split, "stats": stats}
    learner = vision_learner(loaders, architecture, metrics=accuracy)
    learner.add_cb(_ReportEpochs(clock))
    clock.begin_epochs()
    with learner.no_bar(), learner.no_logging():
        if request.strategy == "feature_extract":
            learner.fit_one_cycle(request.epochs or 5)
        else:
            learner.fine_tune(request.epochs or 3)


class _ReportEpochs(Callback):  # type: ignore[misc] # fastai is untyped
    # Run after the recorder, which has order 50 and computes the metrics.
    order = 60

    def __init__(self, clock: EpochClock) -> None:
        self.clock = clock

    def after_epoch(self) -> None:
        self.clock.end_epoch(self.learn.recorder.metrics[0].value)
