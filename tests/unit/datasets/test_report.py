"""The ingestion report: digest, counts, duplicates and leaks."""

import hashlib

from app.datasets.layout import SYSTEM_FILE, SkippedFile
from app.datasets.manifest import ImageRecord, Split
from app.datasets.report import (
    MAX_LISTED,
    build_report,
    compute_digest,
    count_splits,
    find_duplicates,
    find_leaks,
)


def record(split: Split, path: str, sha256: str) -> ImageRecord:
    return ImageRecord(
        image_id=1,
        split=split,
        class_name=path.partition("/")[0],
        path=f"{split}/{path}",
        key=f"images/{sha256}",
        sha256=sha256,
        num_bytes=1,
        width=1,
        height=1,
    )


RECORDS = [
    record("train", "ants/1.jpg", "a"),
    record("train", "ants/2.jpg", "b"),
    record("train", "bees/3.jpg", "a"),
    record("val", "ants/4.jpg", "c"),
    record("val", "bees/5.jpg", "a"),
    record("val", "bees/6.jpg", "c"),
    record("val", "bees/7.jpg", "a"),
]


def test_the_digest_is_that_of_the_sorted_lines() -> None:
    lines = (
        "train/ants/a\ntrain/ants/b\ntrain/bees/a\nval/ants/c\nval/bees/a\nval/bees/a\nval/bees/c\n"
    )
    expected = hashlib.sha256(lines.encode()).hexdigest()
    assert compute_digest(RECORDS) == compute_digest(reversed(RECORDS)) == expected


def test_the_digest_depends_on_labels_but_not_on_file_names() -> None:
    assert compute_digest([record("val", "ants/9.png", "c")]) == compute_digest([RECORDS[3]])
    assert compute_digest([record("val", "bees/4.jpg", "c")]) != compute_digest([RECORDS[3]])


def test_counts_have_every_class_in_every_split() -> None:
    assert count_splits([*RECORDS, record("test", "ants/8.jpg", "d")], ["ants", "bees"]) == {
        "train": {"num_images": 3, "per_class": {"ants": 2, "bees": 1}},
        "val": {"num_images": 4, "per_class": {"ants": 1, "bees": 3}},
        "test": {"num_images": 1, "per_class": {"ants": 1, "bees": 0}},
    }


def test_duplicates_are_within_a_split_across_classes() -> None:
    assert find_duplicates(RECORDS) == [
        ("train/ants/1.jpg", "train/bees/3.jpg"),
        ("val/ants/4.jpg", "val/bees/6.jpg"),
        ("val/bees/5.jpg", "val/bees/7.jpg"),
    ]


def test_leaks_are_between_train_and_val() -> None:
    assert find_leaks([*RECORDS, record("test", "ants/8.jpg", "b")]) == [
        ("train/ants/1.jpg", "val/bees/5.jpg"),
        ("train/ants/1.jpg", "val/bees/7.jpg"),
    ]


def test_long_lists_are_cut_but_counted() -> None:
    ignored = [SkippedFile(f"{n}.txt", "text") for n in range(MAX_LISTED)] + [
        SkippedFile(".DS_Store", SYSTEM_FILE)
    ]
    report = build_report(
        RECORDS,
        ignored=ignored,
        rejected=[SkippedFile("x.jpg", "broken")],
        leaked=find_leaks(RECORDS),
        near_leaked=[("train/1.jpg", "val/2.jpg")] * (MAX_LISTED + 5),
    )
    assert len(report["ignored"]) == MAX_LISTED
    assert len(report["near_leaked"]) == MAX_LISTED
    assert report["rejected"] == [{"path": "x.jpg", "reason": "broken"}]
    assert report["counts"] == {
        "images": 7,
        "ignored": MAX_LISTED + 1,
        "system_files": 1,
        "rejected": 1,
        "duplicates": 3,
        "leaked": 2,
        "near_leaked": MAX_LISTED + 5,
    }


def warnings_of(num_images: int, ignored: list[SkippedFile], rejected: list[SkippedFile]) -> object:
    records = [record("train", f"ants/{number}.jpg", str(number)) for number in range(num_images)]
    report = build_report(records, ignored=ignored, rejected=rejected, leaked=[], near_leaked=[])
    return report["warnings"]


def test_a_report_warns_of_files_that_were_left_out() -> None:
    heic = [SkippedFile(f"ants/{n}.HEIC", "not a supported image type (.HEIC)") for n in range(9)]
    loose = [SkippedFile("1.jpg", "outside the class folders")]
    system = [SkippedFile(".DS_Store", SYSTEM_FILE)] * 100
    rejected = [SkippedFile("ants/0.jpg", "The image is truncated.")] * 2
    warning = (
        "12 of 24 files were left out and are not in the dataset: 9 .heic (HEIC, which is not "
        "supported), 2 images that cannot be read, 1 outside the class folders."
    )
    assert warnings_of(12, [*heic, *loose, *system], rejected) == [warning]


def test_a_report_does_not_warn_of_a_few_files() -> None:
    others = [SkippedFile("ants/notes.txt", "not a supported image type (.txt)")]
    assert warnings_of(20, others, []) == []
    assert warnings_of(19, others, []) != []
    assert warnings_of(0, [], []) == []
    many = [SkippedFile(f"ants/x.{letter}", "") for letter in "abcdefgh"]
    assert "2 others" not in str(warnings_of(10, many[:5], []))
    assert "3 others" in str(warnings_of(10, many, []))
