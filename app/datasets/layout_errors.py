"""Error messages for uploads without a valid dataset layout."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from app.datasets.manifest import Split
from app.errors import DatasetLayout

ClassCounts = dict[Split | None, Counter[str]]
"""Number of images by split (None if the upload has none) and class."""

MAX_LISTED = 20
"""Longest list in a message; longer lists end with the number of the remaining items."""

_LABEL_SUFFIXES = frozenset({".csv", ".tsv", ".json", ".xlsx", ".xml", ".parquet"})
_EXAMPLE = "for example `ants/1.jpg` and `bees/2.jpg`"


def describe_counts(counts: Counter[str], nothing: str = "no class folder") -> str:
    """Return a list of names with their number of images, shortened to MAX_LISTED."""
    listed = [f"{name} {number}" for name, number in sorted(counts.items())]
    rest = [f"and {len(listed) - MAX_LISTED} more"] if len(listed) > MAX_LISTED else []
    return ", ".join(listed[:MAX_LISTED] + rest) or nothing


def no_images(paths: Sequence[PurePosixPath], suffixes: Iterable[str]) -> DatasetLayout:
    """Return the error for an upload without image files."""
    kinds = Counter(path.suffix.lower() or "no suffix" for path in paths)
    return DatasetLayout(
        f"The archive contains no image. Found: {describe_counts(kinds, 'no file at all')}. "
        f"Image files end in {', '.join(sorted(suffixes))}; put the images of each class into a "
        f"folder of its own, {_EXAMPLE}."
    )


def too_few_classes(
    seen: ClassCounts,
    inner: Counter[str],
    *,
    loose: Sequence[PurePosixPath] = (),
    others: Sequence[PurePosixPath] = (),
) -> DatasetLayout:
    """Return the error for an upload whose images are in fewer than two class folders.

    inner counts the images in the folders inside the only class folder. loose are the images
    outside class folders, others the files that are not images.
    """
    names = sorted({name for counts in seen.values() for name in counts})
    tables = [path for path in others if path.suffix.lower() in _LABEL_SUFFIXES]
    if len(names) == 1 and len(inner) > 1:
        what = f"All images are in the one folder `{names[0]}`"
        remedy = (
            f"It contains the folders {describe_counts(inner)}. If these are the classes, or train "
            f"and val, move them up one level: at most one outer folder is allowed"
        )
    elif loose and not any(counts.total() for counts in seen.values()):
        what = f"Images outside class folders: {len(loose)}, the first is `{loose[0]}`"
        remedy = f"Put the images of each class into a folder of its own, {_EXAMPLE}"
    else:
        what = "A dataset needs at least two class folders with images"
        remedy = (
            "Put the images of each class into a folder of its own, "
            f"{_EXAMPLE}; to recognise a single class, add a folder of images without it"
        )
    if tables:
        remedy += f". `{tables[0]}` was ignored: labels come from folder names, not from a table"
    return DatasetLayout(f"{what}. Found: {describe_seen(seen)}. {remedy}.")


def require_classes(seen: ClassCounts) -> None:
    """Raise DatasetLayout unless all splits have the same two or more classes.

    Every class needs an image in train and val; only the test split may have an empty class.
    """
    every = sorted({name for counts in seen.values() for name in counts})
    lacking = {
        split: [name for name in every if name not in counts] for split, counts in seen.items()
    }
    empty = [
        f"`{name}` in {split}" if split else f"`{name}`"
        for split, counts in seen.items()
        for name, number in sorted(counts.items())
        if not number and split != "test"
    ]
    if min(len(counts) for counts in seen.values()) < 2 and len(every) < 2:  # noqa: PLR2004 - nothing to tell apart
        raise too_few_classes(seen, Counter())
    if any(lacking.values()):
        split, names = next((split, names) for split, names in lacking.items() if names)
        problem = f"Every split needs the same class folders; {split} lacks {_list(names)}"
        remedy = "Add images there or leave that class out everywhere"
    elif empty:
        problem = f"Every class needs at least one readable image; {_list(empty)} has none"
        remedy = "Add images there, or remove the folder"
    else:
        return
    raise DatasetLayout(f"{problem}. Found: {describe_seen(seen)}. {remedy}.")


def describe_seen(seen: ClassCounts) -> str:
    """Return the classes of each split with their number of images."""
    return "; ".join(
        f"{split}: {describe_counts(counts)}" if split else describe_counts(counts)
        for split, counts in seen.items()
    )


def _list(names: Sequence[str]) -> str:
    rest = [f"and {len(names) - MAX_LISTED} more"] if len(names) > MAX_LISTED else []
    return ", ".join([*names[:MAX_LISTED], *rest])
