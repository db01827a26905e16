"""Splits and classes are found from paths."""

import pytest

from app.datasets.layout import LabelledFile, SkippedFile, is_image_path, parse_layout
from app.errors import DatasetLayout

TRAIN_VAL = ["train/ants/1.jpg", "train/bees/2.jpg", "val/ants/3.jpg", "val/bees/4.jpg"]
CLASSES = ["ants/1.jpg", "ants/2.jpg", "bees/3.jpg"]


def splits_of(paths: list[str]) -> dict[str, tuple[str | None, str]]:
    return {file.path: (file.split, file.class_name) for file in parse_layout(paths).files}


def test_train_and_val_folders_are_splits() -> None:
    layout = parse_layout(reversed(TRAIN_VAL))
    assert layout.files == [
        LabelledFile("train/ants/1.jpg", "train", "ants"),
        LabelledFile("train/bees/2.jpg", "train", "bees"),
        LabelledFile("val/ants/3.jpg", "val", "ants"),
        LabelledFile("val/bees/4.jpg", "val", "bees"),
    ]
    assert layout.class_names == ["ants", "bees"]
    assert layout.ignored == []


@pytest.mark.parametrize("name", ["valid", "validation", "test", "Val", "VALIDATION"])
def test_val_has_other_names(name: str) -> None:
    placed = splits_of([path.replace("val/", f"{name}/") for path in TRAIN_VAL])
    assert placed[f"{name}/ants/3.jpg"] == ("val", "ants")


def test_test_is_a_third_split_beside_val() -> None:
    placed = splits_of([*TRAIN_VAL, "test/ants/5.jpg", "test/bees/6.jpg"])
    assert placed["val/ants/3.jpg"] == ("val", "ants")
    assert placed["test/bees/6.jpg"] == ("test", "bees")


def test_class_folders_alone_have_no_split_yet() -> None:
    assert splits_of(CLASSES) == {
        "ants/1.jpg": (None, "ants"),
        "ants/2.jpg": (None, "ants"),
        "bees/3.jpg": (None, "bees"),
    }


def test_train_alone_has_no_split_yet() -> None:
    assert splits_of(["train/ants/1.jpg", "train/bees/2.jpg"]) == {
        "train/ants/1.jpg": (None, "ants"),
        "train/bees/2.jpg": (None, "bees"),
    }


@pytest.mark.parametrize("paths", [TRAIN_VAL, CLASSES])
def test_one_outer_folder_is_ignored(paths: list[str]) -> None:
    wrapped = splits_of([f"hymenoptera data/{path}" for path in paths] + ["README.txt"])
    assert {path.partition("/")[2]: place for path, place in wrapped.items()} == splits_of(paths)


def test_two_outer_folders_are_rejected() -> None:
    with pytest.raises(
        DatasetLayout, match=r"one folder `b`.*folders train 2, val 2.*move them up"
    ):
        parse_layout([f"a/b/{path}" for path in TRAIN_VAL])


def test_class_folders_may_contain_folders() -> None:
    assert splits_of([*CLASSES, "ants/red/small/9.png"])["ants/red/small/9.png"] == (None, "ants")


@pytest.mark.parametrize(
    "path",
    [
        "ants/.DS_Store",
        "__MACOSX/ants/._1.jpg",
        "ants/Thumbs.db",
        "bees/desktop.ini",
        ".git/1.jpg",
        ".ipynb_checkpoints/1.jpg",
        "ants/Icon\r",
    ],
)
def test_system_files_are_ignored(path: str) -> None:
    layout = parse_layout([*CLASSES, path], ["__MACOSX", ".git"])
    assert layout.ignored == [SkippedFile(path, "system file")]
    assert len(layout.files) == 3


def test_other_files_are_ignored_with_a_reason() -> None:
    layout = parse_layout([*CLASSES, "ants/a.gif", "bees/LICENSE", "loose.jpg", "labels.csv"])
    assert layout.ignored == [
        SkippedFile("ants/a.gif", "not a supported image type (.gif)"),
        SkippedFile("bees/LICENSE", "not a supported image type (no suffix)"),
        SkippedFile("labels.csv", "not a supported image type (.csv)"),
        SkippedFile("loose.jpg", "outside the class folders"),
    ]


def test_a_test_folder_without_labels_is_ignored() -> None:
    layout = parse_layout([*TRAIN_VAL, "test/1.jpg"])
    assert layout.ignored == [SkippedFile("test/1.jpg", "outside the class folders")]
    assert {file.split for file in layout.files} == {"train", "val"}


@pytest.mark.parametrize(
    "suffix", ["jpg", "JPEG", "png", "ppm", "bmp", "pgm", "tif", "tiff", "WebP"]
)
def test_the_suffixes_of_image_folder_are_accepted_in_any_case(suffix: str) -> None:
    assert is_image_path(f"ants/1.{suffix}")
    assert not is_image_path(f"__MACOSX/ants/1.{suffix}")


def test_class_names_are_normalised_and_sorted() -> None:
    layout = parse_layout(
        ["fourmi\u0065\u0301/1.jpg", "fourmi\u00e9/2.jpg", "Zebra/3.jpg", "bees/4.jpg"]
    )
    assert layout.class_names == ["Zebra", "bees", "fourmi\u00e9"]


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        pytest.param([], "contains no image.*Found: no file at all.*ants/1.jpg", id="nothing"),
        pytest.param(["a.txt", "b/c.TXT", "d"], "Found: .txt 2, no suffix 1.*.jpeg", id="no image"),
        pytest.param(
            ["1.jpg", "2.jpg"],
            "Images outside class folders: 2, the first is `1.jpg`.*Found: no class folder.*ants/1",
            id="no folders",
        ),
        pytest.param(
            ["1.jpg", "labels.csv"],
            "outside class folders: 1, .*`labels.csv` was ignored: labels come from",
            id="a table",
        ),
        pytest.param(
            ["photos/1.jpg", "photos/2.jpg", "photos.csv"],
            "two class folders.*Found: photos 2.*ants/1.jpg.*`photos.csv` was ignored",
            id="one folder and a table",
        ),
        pytest.param(
            ["ants/1.jpg", "ants/2.jpg"],
            "at least two class folders.*Found: ants 2.*add a folder of images without it",
            id="one class",
        ),
        pytest.param(
            ["photos/all/ants/1.jpg", "photos/all/bees/2.jpg", "photos/all/bees/3.jpg"],
            "All images are in the one folder `all`.*Found: all 3.*folders ants 1, bees 2.*move",
            id="two folders around the classes",
        ),
        pytest.param(
            ["train/images/ants/1.jpg", "train/images/bees/2.jpg", "val/images/ants/3.jpg"],
            "one folder `images`.*train: images 2; val: images 1.*ants 2, bees 1.*move",
            id="a folder inside the splits",
        ),
        pytest.param(
            [*CLASSES, "wasps/notes.txt"],
            "`wasps` has none.*wasps 0.*remove",
            id="a class of no images",
        ),
        pytest.param(
            [*TRAIN_VAL, "val/ants/x.txt", "train/c/1.jpg", "val/c/x.txt"], "c 0", id="val"
        ),
        pytest.param(
            [*TRAIN_VAL, "train/wasps/5.jpg"],
            "val lacks wasps.*Found: train: ants 1, bees 1, wasps 1; val",
            id="splits differ",
        ),
        pytest.param(
            ["train/a/1.jpg", "train/b/1.jpg", "val/1.jpg"],
            "val lacks a, b.*val: no class folder",
            id="flat val",
        ),
        pytest.param([*TRAIN_VAL, "wasps/5.jpg"], "train, val, wasps", id="mixed"),
        pytest.param([*TRAIN_VAL, "valid/ants/5.jpg"], "train, val, valid", id="val twice"),
        pytest.param(["val/a/1.jpg", "test/b/2.jpg"], "test, val", id="no train"),
    ],
)
def test_an_invalid_layout_is_rejected_with_what_was_found(paths: list[str], found: str) -> None:
    with pytest.raises(DatasetLayout, match=found):
        parse_layout(paths)


def test_an_empty_folder_is_an_empty_class() -> None:
    with pytest.raises(DatasetLayout, match="wasps 0"):
        parse_layout(CLASSES, ["ants", "bees", "wasps"])


@pytest.mark.parametrize(
    "name", ["ants/more.zip", "ants/more.tar.gz", "more.TAR", "bees/m.tar.zst"]
)
def test_a_nested_archive_is_rejected(name: str) -> None:
    with pytest.raises(DatasetLayout, match="another archive"):
        parse_layout([*CLASSES, name])


def test_a_message_lists_only_some_of_a_thousand_classes() -> None:
    paths = [f"class {number:04}/1.jpg" for number in range(1000)]
    with pytest.raises(DatasetLayout, match="and 981 more") as caught:
        parse_layout([*paths, "empty/x.txt"])
    assert len(caught.value.message) < 1000
