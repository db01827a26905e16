"""Measure how well the service detects images that belong to no training class.

    python -m benchmarks.novelty

The features come from SqueezeNet 1.0 with its published weights, as in every model of which only
the head was trained. The service's own functions compute distances, neighbours and the limit. The
known classes are ants and bees, or one of the two. Novel images belong to no known class. One half
of the validation photographs sets the limit and the other half counts false alarms; then the halves
are swapped. The table compares several numbers of neighbours with the uncertainty of a trained
head, which is 1 minus the highest probability (Hendrycks & Gimpel, 2017).
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from app.ml.images.pil_decoding import decode_image
from app.ml.images.preprocessing import PreprocessingSpec, eval_pixels, to_pixels
from app.ml.models.architectures import build, build_arguments
from app.ml.models.catalogue import get_architecture
from app.ml.models.pretrained import load_pretrained
from app.ml.runtime.scoring import ScoringNetwork
from app.ml.trust import novelty
from app.ml.trust.novelty import find_limit, measure_distances, to_unit_length
from benchmarks.datasets import prepare
from benchmarks.machine import find_shared_dir
from worker.training.head import LinearHead, choose_head

KNOWN = "ants-and-bees"
DRAWN = ("many-classes", "unequal-classes")
COUNTS = (1, 5, 10, 50)
_L2_STRENGTHS = (10.0, 1.0, 0.1, 0.01)

Features = dict[str, Tensor]
"""By class name, float32 [num_images, num_features]."""


def main() -> None:
    """Print a table of AUROC, false alarms and detected novel images."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--work-dir", type=Path, default=Path("build/bench"))
    shared = find_shared_dir()
    archives = shared / "data"
    network = open_network(shared / "weights")
    work_dir = parser.parse_args().work_dir

    def gather(name: str, split: str) -> Features:
        folder = prepare(name, work_dir, archives).folder / split
        return {part.name: compute_features(network, part) for part in sorted(folder.iterdir())}

    train, val = gather(KNOWN, "train"), gather(KNOWN, "val")
    drawn = {name: torch.cat(list(gather(name, "val").values())) for name in DRAWN}
    print("| known | novel | images | score | AUROC | false alarms | detected |")
    print("|---|---|---:|---|---:|---:|---:|")
    for name, others in drawn.items():
        show_rows(
            " and ".join(train), f"drawn: {name}", train, torch.cat(list(val.values())), others
        )
    for known in train:
        for other in train:
            if other != known:
                show_rows(known, other, {known: train[known]}, val[known], val[other])


def open_network(weights_dir: Path) -> ScoringNetwork:
    """Load SqueezeNet 1.0 with its published weights."""
    entry = get_architecture("squeezenet1_0")
    pretrained = load_pretrained(entry, "imagenet", weights_dir=weights_dir, download_allowed=False)
    model = build(
        entry.name,
        None,
        arguments=build_arguments(entry.name, is_pretrained=True),
        state_dict=pretrained.state_dict,
    )
    return ScoringNetwork(model, entry, PreprocessingSpec(input_size=224, resize_size=224))


def compute_features(network: ScoringNetwork, folder: Path) -> Tensor:
    """Compute the features of all images in a folder, float32 [num_images, num_features]."""
    features = []
    for path in sorted(folder.iterdir()):
        pixels = eval_pixels(
            to_pixels(decode_image(path)), PreprocessingSpec(input_size=224, resize_size=224)
        )
        with torch.inference_mode():
            features.append(network(pixels[None])[1])
    return torch.cat(features)


def show_rows(
    known: str, novel: str, train: Features, known_features: Tensor, novel_features: Tensor
) -> None:
    """Print a row per number of neighbours, and one for the head's uncertainty.

    A single known class has no head, so it has no row for uncertainty.
    """
    neighbours = to_unit_length(torch.cat(list(train.values())))
    for count in COUNTS:
        novelty.NUM_NEAREST = count
        scores = [
            measure_distances(features, neighbours) for features in (known_features, novel_features)
        ]
        print_row(known, novel, f"{count} nearest", *scores)
    if len(train) > 1:
        head = fit_head(list(train.values()))
        scores = [
            1 - head(features).softmax(1).max(1).values
            for features in (known_features, novel_features)
        ]
        print_row(known, novel, "uncertainty", *scores)


def fit_head(classes: Sequence[Tensor]) -> LinearHead:
    """Fit the head as the strategy `feature_extract` does."""
    targets = torch.cat([torch.full((len(part),), index) for index, part in enumerate(classes)])
    return choose_head(
        torch.cat(list(classes)), targets, num_classes=len(classes), l2_strengths=_L2_STRENGTHS
    ).head


def print_row(
    known: str, novel: str, score: str, known_features: Tensor, novel_features: Tensor
) -> None:
    """Print AUROC, and the shares of images above the limit as means over the two halves."""
    halves = known_features[0::2], known_features[1::2]
    alarms, detected = [], []
    for reference, held_out in (halves, halves[::-1]):
        limit = find_limit(reference.sort().values)
        if limit is None:
            raise AssertionError(f"{len(reference)} images are too few to set a limit")
        alarms.append((held_out > limit).float().mean().item())
        detected.append((novel_features > limit).float().mean().item())
    auroc = area_under_curve(known_features, novel_features)
    print(
        f"| {known} | {novel} | {len(novel_features)} | {score} | {auroc:.3f} | "
        f"{sum(alarms) / 2:.3f} | {sum(detected) / 2:.3f} |"
    )


def area_under_curve(lower: Tensor, higher: Tensor) -> float:
    """Compute AUROC: the probability that a value of higher exceeds one of lower.

    Ties count half.
    """
    above = (higher[:, None] > lower).float() + 0.5 * (higher[:, None] == lower).float()
    return above.mean().item()


if __name__ == "__main__":
    main()
