"""Small archives that cost much time or memory."""

import gzip
import tracemalloc
from pathlib import Path

import pytest

from app import errors
from app.datasets.archive import limits
from app.datasets.archive.limits import ArchiveLimits
from app.datasets.layout import parse_layout
from tests.unit.datasets.archives import (
    ZipEntry,
    pax_record,
    tar_entry,
    tar_of,
    zip_of,
)
from tests.unit.datasets.reading import ROOMY, read

MIB = 1024 * 1024
WIDE = ArchiveLimits(max_files=150_000, max_unpacked_bytes=10**9)


def peak_of_reading(tmp_path: Path, archive: bytes, allowed: ArchiveLimits = WIDE) -> int:
    tracemalloc.start()
    try:
        read(tmp_path, archive, allowed=allowed)
    except errors.ArchiveError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return peak


@pytest.mark.timeout(60)
def test_a_pax_header_of_many_records_is_read_in_linear_time(tmp_path: Path) -> None:
    """A parser that cuts the records off one by one takes a minute for each of these headers."""
    header = tar_entry(b"pax", b"5 a=\n" * (MIB // 5), kind=b"x")
    assert read(tmp_path, gzip.compress(tar_of(header, tar_entry(b"a"))), allowed=WIDE) == {
        "a": b"content"
    }
    with pytest.raises(errors.ArchiveTooLarge, match="32000 records"):
        read(tmp_path, gzip.compress(tar_of(header, tar_entry(b"a"))))


@pytest.mark.timeout(60)
def test_thirty_pax_headers_are_refused_by_their_records(tmp_path: Path) -> None:
    header = tar_entry(b"pax", b"5 a=\n" * (MIB // 5), kind=b"x")
    with pytest.raises(errors.ArchiveTooLarge, match="4800000 records"):
        read(tmp_path, gzip.compress(tar_of(*[header] * 30, tar_entry(b"a"))), allowed=WIDE)


def test_records_of_global_headers_do_not_accumulate(tmp_path: Path) -> None:
    headers = [
        tar_entry(
            b"pax",
            b"".join(pax_record(f"key-{block}-{number}", "v" * 400) for number in range(2000)),
            kind=b"g",
        )
        for block in range(20)
    ]
    archive = gzip.compress(tar_of(*headers, tar_entry(b"a")))
    assert peak_of_reading(tmp_path, archive) < 8 * MIB


def test_a_sparse_map_is_refused_without_being_kept(tmp_path: Path) -> None:
    numbers = ",".join(map(str, range(130_000)))
    sparse = tar_entry(b"pax", pax_record("GNU.sparse.map", numbers), kind=b"x")
    with pytest.raises(errors.ArchiveUnsafeEntry, match="sparse"):
        read(tmp_path, tar_of(sparse, tar_entry(b"a")))
    maps = [tar_entry(b"pax", pax_record("GNU.sparse.map", numbers), kind=b"x")] * 30
    assert peak_of_reading(tmp_path, gzip.compress(tar_of(*maps, tar_entry(b"a")))) < 8 * MIB


@pytest.mark.parametrize("size", ["9" * 5000, "1" * 20, "-1", "1_0", "٣"])
def test_a_pax_size_that_is_no_number_is_invalid(tmp_path: Path, size: str) -> None:
    header = tar_entry(b"pax", pax_record("size", size), kind=b"x")
    with pytest.raises(errors.ArchiveInvalid, match="size is not a number"):
        read(tmp_path, tar_of(header, tar_entry(b"a")))


def test_long_names_count_as_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RECORDS_PER_FILE", 0.01)
    names = [tar_entry(b"long", b"name", kind=b"L")] * 20
    with pytest.raises(errors.ArchiveTooLarge, match="records"):
        read(tmp_path, tar_of(*names, tar_entry(b"a")))


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_the_names_of_all_entries_are_limited(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "NAME_BYTES_PER_FILE", 1)
    names = [b"%03d" % number + b"n" * 90 for number in range(50)]
    archive = zip_of(*map(ZipEntry, names)) if kind == "zip" else tar_of(*map(tar_entry, names))
    with pytest.raises(errors.ArchiveTooLarge, match=r"names .* 1000"):
        read(tmp_path, archive)


def test_a_path_of_very_many_parts_is_unsafe(tmp_path: Path) -> None:
    assert list(read(tmp_path, zip_of(ZipEntry(b"a/" * 63 + b"b")))) == ["a/" * 63 + "b"]
    with pytest.raises(errors.ArchiveUnsafePath, match="more than 64 parts"):
        read(tmp_path, zip_of(ZipEntry(b"a/" * 64 + b"b")))


def test_deep_folders_take_memory_in_proportion() -> None:
    files = [f"{number % 2}/{number}/" + "d/" * 60 + "1.jpg" for number in range(3000)]
    tracemalloc.start()
    layout = parse_layout(files)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert layout.class_names == ["0", "1"]
    assert peak < 24 * MIB


@pytest.mark.timeout(60)
def test_the_extra_fields_of_a_zip_are_read_in_linear_time(tmp_path: Path) -> None:
    """Sixteen thousand empty fields for each entry, none with the sizes that it needs."""
    name, extra = b"a", b"\x99\x99\0\0" * 16_000
    central = b"PK\1\2" + bytes(4) + bytes(12) + b"\xff" * 8 + len(name).to_bytes(2, "little")
    central += len(extra).to_bytes(2, "little") + bytes(14) + name + extra
    end = b"PK\5\6" + bytes(4) + b"\1\0\1\0" + len(central).to_bytes(4, "little") + bytes(6)
    with pytest.raises(errors.ArchiveInvalid, match="64-bit sizes are missing"):
        read(
            tmp_path,
            b"PK\3\4" + bytes(26) + central + end[:-6] + (30).to_bytes(4, "little") + bytes(2),
            allowed=ROOMY,
        )
