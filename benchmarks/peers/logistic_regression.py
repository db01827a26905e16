"""Fit scikit-learn's logistic regression on the frozen features of a centre crop."""

from typing import Any

import torch
from sklearn.linear_model import LogisticRegressionCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.utils.data import DataLoader

from benchmarks.peers.network import get_network
from benchmarks.peers.preparation import open_split
from benchmarks.peers.request import EpochClock, Request

SETTINGS: dict[str, Any] = {
    "source": "scikit-learn: StandardScaler and LogisticRegressionCV, seven strengths, five folds",
    "batch_size": 32,
    "features": "average pool of the last maps",
}


def train(request: Request, clock: EpochClock) -> None:
    """Compute the features once, fit, and report the one result as an epoch."""
    torch.manual_seed(request.seed)
    backbone = get_network(request.architecture).load_backbone(request.weights_file).eval()
    clock.begin_epochs()
    features, targets = {}, {}
    for split in ("train", "val"):
        images = open_split(request, split, augmented=False)
        loader = DataLoader(images, batch_size=SETTINGS["batch_size"], num_workers=2)
        with torch.inference_mode():
            parts: list[tuple[Tensor, Tensor]] = [
                (backbone(batch).mean((2, 3)), labels) for batch, labels in loader
            ]
        features[split] = torch.cat([part for part, _ in parts]).numpy()
        targets[split] = torch.cat([labels for _, labels in parts]).numpy()
    head = make_pipeline(
        StandardScaler(), LogisticRegressionCV(Cs=7, cv=5, max_iter=2000, random_state=request.seed)
    )
    head.fit(features["train"], targets["train"])
    clock.end_epoch(head.score(features["val"], targets["val"]))
