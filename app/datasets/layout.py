"""From the paths of an archive to labelled images: the split and the class of each.

Accepted, below at most one wrapping folder:

    train/<class>/…  val/<class>/…     also `valid` or `validation`; `test` is the validation split
                                       where there is no other, else a third one
    train/<class>/…                    divided by `split_train_val`
    <class>/…                          divided by `split_train_val`

Class folders may have folders of their own. Pure functions: no file is touched.
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

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"}
)
"""The suffixes of torchvision's ImageFolder, in any case."""

ARCHIVE_SUFFIXES = (
    *(".zip", ".tar", ".tgz", ".tzst", ".7z", ".rar"),
    *(".tar.gz", ".tar.zst", ".tar.bz2", ".tar.xz"),
)

SYSTEM_NAMES = frozenset(
    {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir"}
)
"""Files that systems leave in folders, in lower case; names with a leading dot are ignored, too."""

SYSTEM_FILE = "system file"

_SPLITS: dict[str, Split] = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}


@dataclass(frozen=True)
class SkippedFile:
    """A file that is left out, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class LabelledFile:
    """A file that should be an image; split is None where the upload did not say."""

    path: str
    split: Split | None
    class_name: str


@dataclass(frozen=True)
class Layout:
    """Every file of an upload, placed or ignored; both in the order of their paths."""

    files: list[LabelledFile]
    ignored: list[SkippedFile]
    class_names: list[str]


def is_image_path(path: str) -> bool:
    """Return whether a file counts as an image, by its name and the names of its folders."""
    pure_path = PurePosixPath(path)
    return _is_image(pure_path) and not _is_system(pure_path)


def parse_layout(files: Iterable[str], folders: Iterable[str] = ()) -> Layout:
    """Place the files of an archive; folders are its explicit entries, which may be empty.

    Class names are normalised to NFC and sorted; they may hold spaces. Raises DatasetLayout, with
    the classes and counts seen and what to do, for fewer than two classes, a class without images
    in train or val, splits whose classes differ, split folders beside class folders, and nested
    archives.
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
        del seen["test"]  # a test folder without labels: its files are among the ignored
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
        return f"not an image type that is read here ({path.suffix or 'no suffix'})"
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
                f"There is another archive inside: {name[:100]!r}. Unpack it, and pack its folders."
            )
        else:
            kept.append(path)
    return kept, ignored


def _list_folders(files: Iterable[PurePosixPath], folders: Iterable[str]) -> set[tuple[str, ...]]:
    named = [path for path in map(PurePosixPath, folders) if not _is_system(path)]
    return {
        folder.parts
        for path in [*files, *(path / "_" for path in named)]
        for folder in path.parents
    }


def _find_base(folders: set[tuple[str, ...]]) -> int:
    """0, or 1 where everything lies in one wrapping folder."""
    tops = {parts[0] for parts in folders if parts}
    if len(tops) != 1 or tops.pop().lower() in _SPLITS:
        return 0
    return int(any(len(parts) > 1 for parts in folders))


def _find_splits(tops: set[str]) -> dict[str, Split | None]:
    """The split of each top folder; empty where these are class folders."""
    splits: dict[str, Split | None] = {
        name: _SPLITS[name.lower()] for name in sorted(tops) if name.lower() in _SPLITS
    }
    if not splits:
        return {}
    folders = ", ".join(sorted(tops)[:MAX_LISTED])
    if len(splits) < len(tops):
        raise DatasetLayout(
            f"Folders of splits lie beside other folders. Seen: {folders}. Move the class folders "
            "into train and val, or leave train and val out: then a part of each class validates."
        )
    if len(set(splits.values())) < len(splits):
        raise DatasetLayout(
            f"Several folders mean the same split. Seen: {folders}. Keep one of them: train, val "
            "(or valid, validation), test."
        )
    if "train" not in splits.values():
        raise DatasetLayout(
            f"There is no train folder. Seen: {folders}. Name the folder of the training images "
            "train, or pack the class folders alone."
        )
    if len(splits) == 1:
        return dict.fromkeys(splits)
    if "val" not in splits.values():
        return {name: "val" if split == "test" else split for name, split in splits.items()}
    return splits
