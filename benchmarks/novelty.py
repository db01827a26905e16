"""Whether pictures of other things are told from pictures of known things.

    python -m benchmarks.novelty

The features are those of SqueezeNet 1.0's published weights, so they are those of every model whose
head alone has learned; distances, neighbours and the limit come from the service's own functions.
Known are the ants and bees, or one of both; what is novel was no class of the training images.
The limit is set by one half of the validation photographs and false alarms are counted on the
other, in turn. Printed beside each neighbour count: a confident head, whose doubt is 1 - the
highest probability (Hendrycks & Gimpel, 2017).
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
    """Print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--work-dir", type=Path, default=Path("build/bench"))
    shared = find_shared_dir()
    photographs = shared / "data" / "hymenoptera_data.zip"
    network = open_network(shared / "weights")
    work_dir = parser.parse_args().work_dir

    def gather(name: str, split: str) -> Features:
        folder = prepare(name, work_dir, photographs).folder / split
        return {part.name: compute_features(network, part) for part in sorted(folder.iterdir())}

    train, val = gather(KNOWN, "train"), gather(KNOWN, "val")
    drawn = {name: torch.cat(list(gather(name, "val").values())) for name in DRAWN}
    print("| known | novel | pictures | told by | AUROC | false alarms | found |")
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
    """SqueezeNet 1.0 as published."""
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
    """Those of all images of a folder."""
    features = []
    for path in sorted(folder.iterdir()):
        pixels = eval_pixels(
            to_pixels(decode_image(path)), PreprocessingSpec(input_size=224, resize_size=224)
        )
        with torch.inference_mode():
            features.append(network(pixels[None])[1])
    return torch.cat(features)


def show_rows(known: str, novel: str, train: Features, familiar: Tensor, others: Tensor) -> None:
    """A row for each number of neighbours, and one for the head's doubt where there is a head."""
    neighbours = to_unit_length(torch.cat(list(train.values())))
    for count in COUNTS:
        novelty.NUM_NEAREST = count
        scores = [measure_distances(features, neighbours) for features in (familiar, others)]
        print_row(known, novel, f"{count} nearest", *scores)
    if len(train) > 1:
        head = fit_head(list(train.values()))
        doubts = [1 - head(features).softmax(1).max(1).values for features in (familiar, others)]
        print_row(known, novel, "doubt", *doubts)


def fit_head(classes: Sequence[Tensor]) -> LinearHead:
    """The head that `feature_extract` solves for."""
    targets = torch.cat([torch.full((len(part),), index) for index, part in enumerate(classes)])
    return choose_head(
        torch.cat(list(classes)), targets, num_classes=len(classes), l2_strengths=_L2_STRENGTHS
    ).head


def print_row(known: str, novel: str, means: str, familiar: Tensor, others: Tensor) -> None:
    """AUROC, and the shares above the limit, both means over the two halves."""
    halves = familiar[0::2], familiar[1::2]
    alarms, found = [], []
    for judge, judged in (halves, halves[::-1]):
        limit = find_limit(judge.sort().values)
        if limit is None:
            raise AssertionError("half of the validation photographs are more than 19")
        alarms.append((judged > limit).float().mean().item())
        found.append((others > limit).float().mean().item())
    auroc = area_under_curve(familiar, others)
    print(
        f"| {known} | {novel} | {len(others)} | {means} | {auroc:.3f} | "
        f"{sum(alarms) / 2:.3f} | {sum(found) / 2:.3f} |"
    )


def area_under_curve(lower: Tensor, higher: Tensor) -> float:
    """The probability that one of `higher` is above one of `lower`, equals counted by half."""
    above = (higher[:, None] > lower).float() + 0.5 * (higher[:, None] == lower).float()
    return above.mean().item()


if __name__ == "__main__":
    main()
