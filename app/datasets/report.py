"""What is told about an upload once it is checked."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from app.datasets.layout import SYSTEM_FILE, SkippedFile
from app.datasets.manifest import ImageRecord

MAX_LISTED = 1000
"""Entries of each list of a report; `counts` always tells the whole number."""


def compute_digest(records: Iterable[ImageRecord]) -> str:
    """The sha256 of the sorted lines `split/class/sha256 of the bytes`, each ended by a newline.

    It depends on what the images are and how they are labelled, not on their file names.
    """
    lines = sorted(f"{record.split}/{record.class_name}/{record.sha256}\n" for record in records)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def count_splits(records: Iterable[ImageRecord], class_names: Sequence[str]) -> dict[str, Any]:
    """`{split: {num_images, per_class: {name: n}}}`, every class named in every split there is."""
    counts: dict[str, dict[str, int]] = {}
    for record in records:
        per_class = counts.setdefault(record.split, dict.fromkeys(class_names, 0))
        per_class[record.class_name] += 1
    return {
        split: {"num_images": sum(per_class.values()), "per_class": per_class}
        for split, per_class in counts.items()
    }


def find_duplicates(records: Iterable[ImageRecord]) -> list[tuple[str, str]]:
    """Paths of the same bytes within a split: the first one with each of its copies."""
    first: dict[tuple[str, str], str] = {}
    pairs: list[tuple[str, str]] = []
    for record in records:
        original = first.setdefault((record.split, record.sha256), record.path)
        if original != record.path:
            pairs.append((original, record.path))
    return pairs


def find_leaks(records: Sequence[ImageRecord]) -> list[tuple[str, str]]:
    """Pairs (train path, val path) of the same bytes, each val path once."""
    in_split: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        in_split[record.split][record.sha256].append(record.path)
    train = in_split["train"]
    return [
        (train[sha256][0], path)
        for sha256, paths in in_split["val"].items()
        if sha256 in train
        for path in paths
    ]


def build_report(
    records: Sequence[ImageRecord],
    *,
    ignored: Sequence[SkippedFile],
    rejected: Sequence[SkippedFile],
    leaked: Sequence[tuple[str, str]],
    near_leaked: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    """The dataset's `report`: what was left out and why, copies, leaks, and how many of each."""
    duplicates = find_duplicates(records)
    return {
        "ignored": [asdict(finding) for finding in ignored[:MAX_LISTED]],
        "rejected": [asdict(finding) for finding in rejected[:MAX_LISTED]],
        "duplicates": [list(pair) for pair in duplicates[:MAX_LISTED]],
        "leaked": [list(pair) for pair in leaked[:MAX_LISTED]],
        "near_leaked": [list(pair) for pair in near_leaked[:MAX_LISTED]],
        "counts": {
            "images": len(records),
            "ignored": len(ignored),
            "system_files": sum(finding.reason == SYSTEM_FILE for finding in ignored),
            "rejected": len(rejected),
            "duplicates": len(duplicates),
            "leaked": len(leaked),
            "near_leaked": len(near_leaked),
        },
    }
