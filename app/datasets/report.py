"""Build the ingestion report of a dataset: counts, skipped files, duplicates and leaks."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

from app.datasets.layout import SYSTEM_FILE, SkippedFile
from app.datasets.manifest import ImageRecord
from app.ml.images.formats import REFUSED_SUFFIXES

MAX_LISTED = 1000
"""Longest list in a report; `counts` has the full numbers."""

_WARNED_SHARE = 0.05
_MAX_KINDS = 5


def compute_digest(records: Iterable[ImageRecord]) -> str:
    """Return the sha256 of the sorted lines `split/class/sha256 of the bytes`.

    Each line ends with a newline. The digest depends on images, splits and labels, not on file
    names.
    """
    lines = sorted(f"{record.split}/{record.class_name}/{record.sha256}\n" for record in records)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def count_splits(records: Iterable[ImageRecord], class_names: Sequence[str]) -> dict[str, Any]:
    """Return `{split: {num_images, per_class: {name: n}}}` with every class in every split."""
    counts: dict[str, dict[str, int]] = {}
    for record in records:
        per_class = counts.setdefault(record.split, dict.fromkeys(class_names, 0))
        per_class[record.class_name] += 1
    return {
        split: {"num_images": sum(per_class.values()), "per_class": per_class}
        for split, per_class in counts.items()
    }


def find_duplicates(records: Iterable[ImageRecord]) -> list[tuple[str, str]]:
    """Return pairs of paths with the same bytes within a split: the first with each copy."""
    first: dict[tuple[str, str], str] = {}
    pairs: list[tuple[str, str]] = []
    for record in records:
        original = first.setdefault((record.split, record.sha256), record.path)
        if original != record.path:
            pairs.append((original, record.path))
    return pairs


def find_leaks(records: Sequence[ImageRecord]) -> list[tuple[str, str]]:
    """Return pairs (train path, val path) with the same bytes, each val path once."""
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
    """Return the dataset's `report`: warnings, skipped files, duplicates, leaks and counts."""
    duplicates = find_duplicates(records)
    return {
        "warnings": _warn(len(records), ignored, rejected),
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


def _warn(
    num_images: int, ignored: Sequence[SkippedFile], rejected: Sequence[SkippedFile]
) -> list[str]:
    """Return a warning if a considerable share of the files is not in the dataset."""
    left_out = [finding for finding in ignored if finding.reason != SYSTEM_FILE]
    num_left_out = len(left_out) + len(rejected)
    num_files = num_images + num_left_out
    if num_left_out < max(_WARNED_SHARE * num_files, 1):
        return []
    kinds = Counter(_describe_kind(finding) for finding in left_out)
    if rejected:
        kinds["images that cannot be read"] = len(rejected)
    listed = [f"{number:,} {kind}" for kind, number in kinds.most_common(_MAX_KINDS)]
    if len(kinds) > _MAX_KINDS:
        listed.append(f"{num_left_out - sum(n for _, n in kinds.most_common(_MAX_KINDS)):,} others")
    warning = (
        f"{num_left_out:,} of {num_files:,} files were left out and are not in the dataset: "
        f"{', '.join(listed)}."
    )
    return [warning]


def _describe_kind(finding: SkippedFile) -> str:
    suffix = PurePosixPath(finding.path).suffix.lower()
    if finding.reason.startswith("outside"):
        return "outside the class folders"
    if suffix in REFUSED_SUFFIXES:
        return f"{suffix} ({REFUSED_SUFFIXES[suffix]}, which is not supported)"
    return f"{suffix[:20]} (not an image)" if suffix else "without a suffix"
