"""From the paths of an archive to labelled images: which split, which class.

Accepted, below at most one wrapping folder:

    train/<class>/…  val/<class>/…     also `valid` or `validation`; `test` is the validation split
                                       where there is no other, else a third one
    train/<class>/…                    divided by `divide`
    <class>/…                          divided by `divide`

Class folders may have folders of their own. Pure functions: no file is touched.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

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
"""What systems leave in folders, in lower case; names that begin with a dot are left out too."""

SYSTEM_FILE = "system file"

_SPLITS: dict[str, Split] = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
_MAX_CLASSES_TOLD = 20

ClassCounts = dict[Split | None, Counter[str]]
"""Images by split (None where the upload has none) and class."""


@dataclass(frozen=True)
class Finding:
    """A file that is left out, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class PlacedFile:
    """A file that should be an image; split is None where the upload did not say."""

    path: str
    split: Split | None
    class_name: str


@dataclass(frozen=True)
class Layout:
    """Every file of an upload, placed or ignored; both in the order of their paths."""

    files: list[PlacedFile]
    ignored: list[Finding]
    class_names: list[str]


def is_image_path(path: str) -> bool:
    """Whether a file counts as an image, by its name and the names of its folders."""
    pure_path = PurePosixPath(path)
    return pure_path.suffix.lower() in IMAGE_SUFFIXES and not _is_system(pure_path)


def arrange(files: Iterable[str], folders: Iterable[str] = ()) -> Layout:
    """Place the files of an archive; folders are its explicit entries, which may be empty.

    Class names are normalised to NFC and sorted. Raises DatasetLayout, naming the classes and
    counts seen, for fewer than two classes, a class without images in train or val, splits whose
    classes differ, split folders beside class folders, and nested archives.
    """
    kept, ignored = _leave_out_system_files(sorted(files))
    every_folder = _list_folders(kept, folders)
    base = _find_base(every_folder)
    splits = _find_splits({parts[base] for parts in every_folder if len(parts) == base + 1})
    class_at = base + 1 if splits else base

    placed: list[PlacedFile] = []
    for path in kept:
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            what = path.suffix or "no suffix"
            ignored.append(Finding(str(path), f"not an image type that is read here ({what})"))
        elif len(path.parts) <= class_at + 1:
            ignored.append(Finding(str(path), "outside the class folders"))
        else:
            placed.append(
                PlacedFile(str(path), splits.get(path.parts[base]), _nfc(path.parts[class_at]))
            )

    seen: ClassCounts = {split: Counter() for split in splits.values() or [None]}
    for parts in every_folder:
        if len(parts) == class_at + 1:
            seen[splits.get(parts[base])][_nfc(parts[class_at])] = 0
    for file in placed:
        seen[file.split][file.class_name] += 1
    if "test" in seen and not seen["test"]:
        del seen["test"]  # a test folder without labels: its files are among the ignored
    require_classes(seen)
    ignored.sort(key=lambda finding: finding.path)
    return Layout(placed, ignored, sorted({file.class_name for file in placed}))


def require_classes(seen: ClassCounts) -> None:
    """Raise DatasetLayout unless every split has the same two or more classes, none of them empty.

    Only the test split may have an empty class.
    """
    classes = {frozenset(counts) for counts in seen.values()}
    fewest = min(len(names) for names in classes)
    problem = None
    if fewest < 2:  # noqa: PLR2004 - nothing to tell apart
        problem = "A dataset needs at least two class folders with images"
    elif len(classes) > 1:
        problem = "Every split needs the same class folders"
    elif any(not n for split, counts in seen.items() if split != "test" for n in counts.values()):
        problem = "Every class needs at least one image"
    if problem is not None:
        raise DatasetLayout(f"{problem}; seen: {_describe(seen)}.")


def _is_system(path: PurePosixPath) -> bool:
    return any(part.startswith(".") or part.lower() in SYSTEM_NAMES for part in path.parts)


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _leave_out_system_files(files: Iterable[str]) -> tuple[list[PurePosixPath], list[Finding]]:
    kept: list[PurePosixPath] = []
    ignored: list[Finding] = []
    for name in files:
        path = PurePosixPath(name)
        if _is_system(path):
            ignored.append(Finding(name, SYSTEM_FILE))
        elif name.lower().endswith(ARCHIVE_SUFFIXES):
            raise DatasetLayout(f"There is another archive inside: {name[:100]!r}.")
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
    folders = ", ".join(sorted(tops)[:_MAX_CLASSES_TOLD])
    if len(splits) < len(tops):
        raise DatasetLayout(f"Split folders lie beside other folders; seen: {folders}.")
    if len(set(splits.values())) < len(splits):
        raise DatasetLayout(f"Several folders stand for the same split; seen: {folders}.")
    if "train" not in splits.values():
        raise DatasetLayout(f"There is no train folder; seen: {folders}.")
    if len(splits) == 1:
        return dict.fromkeys(splits)
    if "val" not in splits.values():
        return {name: "val" if split == "test" else split for name, split in splits.items()}
    return splits


def _describe(seen: ClassCounts) -> str:
    return "; ".join(
        f"{split or 'all'}: {_describe_counts(counts)}" for split, counts in seen.items()
    )


def _describe_counts(counts: Counter[str]) -> str:
    told = [f"{name} {number}" for name, number in sorted(counts.items())]
    rest = [f"and {len(told) - _MAX_CLASSES_TOLD} more"] if len(told) > _MAX_CLASSES_TOLD else []
    return ", ".join(told[:_MAX_CLASSES_TOLD] + rest) or "no class folder"
