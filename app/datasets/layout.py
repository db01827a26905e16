"""Find the split and the class of each image from the paths in an archive.

Accepted layouts, optionally inside one outer folder:

    train/<class>/…  val/<class>/…     also `valid` or `validation`; `test` is the validation split
                                       if there is no other, else a third split
    train/<class>/…                    split by `split_train_val`
    <class>/…                          split by `split_train_val`

Class folders may contain folders. The functions are pure: they read no files.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from app.datasets.layout_errors import (
    MAX_LISTED,
    ClassCounts,
    no_images,
    require_classes,
    too_few_classes,
)
from app.datasets.manifest import Split
from app.errors import DatasetLayout
from app.ml.images.formats import IMAGE_SUFFIXES

ARCHIVE_SUFFIXES = (
    *(".zip", ".tar", ".tgz", ".tzst", ".7z", ".rar"),
    *(".tar.gz", ".tar.zst", ".tar.bz2", ".tar.xz"),
)

SYSTEM_NAMES = frozenset(
    {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir"}
)
"""Files that operating systems create, in lower case; names with a leading dot are ignored, too."""

SYSTEM_FILE = "system file"

_MAX_DEPTH = 3
"""Of a class folder: an outer folder, a split, the class."""

_SPLITS: dict[str, Split] = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}


@dataclass(frozen=True)
class SkippedFile:
    """A file that is not part of the dataset, and the reason."""

    path: str
    reason: str


@dataclass(frozen=True)
class LabelledFile:
    """A file with the suffix of an image, and its class; split is None if the upload has none."""

    path: str
    split: Split | None
    class_name: str


@dataclass(frozen=True)
class Layout:
    """All files of an upload, labelled or ignored; both lists are sorted by path."""

    files: list[LabelledFile]
    ignored: list[SkippedFile]
    class_names: list[str]


def is_image_path(path: str) -> bool:
    """Return whether a path is that of an image, by its suffix; system files are not images."""
    pure_path = PurePosixPath(path)
    return _is_image(pure_path) and not _is_system(pure_path)


def parse_layout(files: Iterable[str], folders: Iterable[str] = ()) -> Layout:
    """Find the split and class of each file; folders are the archive's own folder entries.

    Class names are normalised to NFC and sorted; they may contain spaces. Raises DatasetLayout for
    fewer than two classes, a class without images in train or val, splits with different classes,
    split folders beside class folders, and archives inside the archive. The message states the
    classes and counts that were found and what to do.
    """
    kept, ignored = _leave_out_system_files(sorted(files))
    every_folder = _list_folders(kept, folders)
    if not any(map(_is_image, kept)):
        raise no_images(kept, IMAGE_SUFFIXES)
    base = _find_base(every_folder)
    splits = _find_splits({parts[base] for parts in every_folder if len(parts) == base + 1})
    class_at = base + 1 if splits else base

    placed: list[LabelledFile] = []
    for path in kept:
        if (reason := _find_reason_to_ignore(path, class_at)) is not None:
            ignored.append(SkippedFile(str(path), reason))
        else:
            class_name = _nfc(path.parts[class_at])
            placed.append(LabelledFile(str(path), splits.get(path.parts[base]), class_name))

    seen: ClassCounts = {split: Counter() for split in splits.values() or [None]}
    for parts in every_folder:
        if len(parts) == class_at + 1:
            seen[splits.get(parts[base])][_nfc(parts[class_at])] = 0
    for file in placed:
        seen[file.split][file.class_name] += 1
    if "test" in seen and not seen["test"]:
        del seen["test"]  # a test folder without class folders; its files are ignored
    if len({name for counts in seen.values() for name in counts}) <= 1:
        paths = [PurePosixPath(file.path).parts for file in placed]
        inner = Counter(parts[class_at + 1] for parts in paths if len(parts) > class_at + 2)
        loose = [path for path in kept if len(path.parts) <= class_at + 1 and _is_image(path)]
        others = [path for path in kept if not _is_image(path)]
        raise too_few_classes(seen, inner, loose=loose, others=others)
    require_classes(seen)
    ignored.sort(key=lambda finding: finding.path)
    return Layout(placed, ignored, sorted({file.class_name for file in placed}))


def _find_reason_to_ignore(path: PurePosixPath, class_at: int) -> str | None:
    if not _is_image(path):
        return f"not a supported image type ({path.suffix or 'no suffix'})"
    return "outside the class folders" if len(path.parts) <= class_at + 1 else None


def _is_image(path: PurePosixPath) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES


def _is_system(path: PurePosixPath) -> bool:
    return any(part.startswith(".") or part.lower() in SYSTEM_NAMES for part in path.parts)


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _leave_out_system_files(files: Iterable[str]) -> tuple[list[PurePosixPath], list[SkippedFile]]:
    kept: list[PurePosixPath] = []
    ignored: list[SkippedFile] = []
    for name in files:
        path = PurePosixPath(name)
        if _is_system(path):
            ignored.append(SkippedFile(name, SYSTEM_FILE))
        elif name.lower().endswith(ARCHIVE_SUFFIXES):
            raise DatasetLayout(
                f"The archive contains another archive, {name[:100]!r}. Unpack it and upload its "
                "folders instead."
            )
        else:
            kept.append(path)
    return kept, ignored


def _list_folders(files: Iterable[PurePosixPath], folders: Iterable[str]) -> set[tuple[str, ...]]:
    """Return the folders that may be the outer one, a split or a class.

    Deeper ones do not matter; listed with all of their parents, they take quadratic memory.
    """
    named = [path for path in map(PurePosixPath, folders) if not _is_system(path)]
    paths = [*(path.parts[:-1] for path in files), *(path.parts for path in named)]
    return {parts[:depth] for parts in paths for depth in range(min(len(parts), _MAX_DEPTH) + 1)}


def _find_base(folders: set[tuple[str, ...]]) -> int:
    """Return the depth of the split or class folders: 1 inside one outer folder, else 0."""
    tops = {parts[0] for parts in folders if parts}
    if len(tops) != 1 or tops.pop().lower() in _SPLITS:
        return 0
    return int(any(len(parts) > 1 for parts in folders))


def _find_splits(tops: set[str]) -> dict[str, Split | None]:
    """Return the split of each top folder; empty if these are class folders."""
    splits: dict[str, Split | None] = {
        name: _SPLITS[name.lower()] for name in sorted(tops) if name.lower() in _SPLITS
    }
    if not splits:
        return {}
    folders = ", ".join(sorted(tops)[:MAX_LISTED])
    if len(splits) < len(tops):
        raise DatasetLayout(
            f"Split folders are beside other folders. Found: {folders}. Move the class folders "
            "into train and val, or remove train and val: then each class is split automatically."
        )
    if len(set(splits.values())) < len(splits):
        raise DatasetLayout(
            f"Several folders are the same split. Found: {folders}. Keep one of each: train, val "
            "(or valid, validation), test."
        )
    if "train" not in splits.values():
        raise DatasetLayout(
            f"There is no train folder. Found: {folders}. Name the folder of the training images "
            "train, or upload the class folders alone."
        )
    if len(splits) == 1:
        return dict.fromkeys(splits)
    if "val" not in splits.values():
        return {name: "val" if split == "test" else split for name, split in splits.items()}
    return splits
