"""Limits on size, number of entries and names of an archive."""

import gzip
import io
import struct
from pathlib import Path

import pytest
import zstandard

from app import errors
from app.datasets.archive import compression, limits
from app.datasets.archive.limits import ArchiveLimits
from app.datasets.archive.reading import read_archive
from tests.unit.datasets.archives import (
    DEFLATED,
    ZipArchive,
    ZipEntry,
    pax_record,
    tar_entry,
    tar_of,
    zip_of,
)
from tests.unit.datasets.reading import (
    ROOMY,
    SMALL_TAR,
    read,
    zstd,
)

TIGHT = ArchiveLimits(max_files=100, max_unpacked_bytes=10_000)
ZEROS = bytes(20_000)


@pytest.mark.parametrize(
    "archive",
    [
        pytest.param(zip_of(ZipEntry(b"a", ZEROS, DEFLATED)), id="zip"),
        pytest.param(
            zip_of(ZipEntry(b"a", bytes(6000)), ZipEntry(b"b", bytes(6000))), id="sum of a zip"
        ),
        pytest.param(
            zip_of(ZipEntry(b"a", ZEROS, DEFLATED, num_bytes=7)), id="zip with a wrong size"
        ),
        pytest.param(tar_of(tar_entry(b"a", ZEROS)), id="tar"),
        pytest.param(gzip.compress(tar_of(tar_entry(b"a", ZEROS))), id="tar.gz"),
        pytest.param(zstd(tar_of(tar_entry(b"a", ZEROS))), id="tar.zst"),
        pytest.param(gzip.compress(SMALL_TAR + ZEROS), id="zeros after the end of a tar"),
        pytest.param(
            gzip.compress(tar_entry(b"pax", pax_record("comment", "c"), kind=b"x") * 20),
            id="headers alone",
        ),
    ],
)
def test_more_bytes_than_allowed_are_too_large(tmp_path: Path, archive: bytes) -> None:
    with pytest.raises(errors.ArchiveTooLarge):
        read(tmp_path, archive, allowed=TIGHT)


def test_more_bytes_than_an_entry_declares_are_too_large(tmp_path: Path) -> None:
    with pytest.raises(errors.ArchiveTooLarge, match="declares"):
        read(tmp_path, zip_of(ZipEntry(b"a", bytes(1000), DEFLATED, num_bytes=999)))


def test_an_archive_bomb_is_detected_by_its_ratio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FREE_BYTES", 1_000_000)
    bomb = zip_of(ZipEntry(b"a", bytes(4_000_000), DEFLATED))
    assert len(bomb) * limits.MAX_RATIO < 4_000_000
    with pytest.raises(errors.ArchiveTooLarge):
        read(tmp_path, bomb)
    dense = zip_of(ZipEntry(b"a", bytes(range(256)) * 8000, DEFLATED))
    assert len(read(tmp_path, dense)["a"]) == 2_048_000


def test_entries_that_share_bytes_are_too_large(tmp_path: Path) -> None:
    same = zip_of(ZipEntry(b"a"), ZipEntry(b"a", offset=0))
    with pytest.raises(errors.ArchiveTooLarge, match="overlaps"):
        read(tmp_path, same)
    inner = ZipArchive([ZipEntry(b"b")]).build()
    local_bytes = inner[: inner.index(b"PK\1\2")]
    quoted = zip_of(ZipEntry(b"a", local_bytes), ZipEntry(b"b", offset=31))
    with pytest.raises(errors.ArchiveTooLarge, match="overlaps"):
        read(tmp_path, quoted)


def test_overlaps_are_detected_before_unpacking(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(zip_of(ZipEntry(b"a"), ZipEntry(b"b"), ZipEntry(b"b", offset=38)))
    with pytest.raises(errors.ArchiveTooLarge):
        next(read_archive(path, ROOMY))


def test_an_entry_that_reaches_into_the_directory_is_too_large(tmp_path: Path) -> None:
    archive = bytearray(zip_of(ZipEntry(b"a")))
    start = archive.index(b"PK\1\2")
    struct.pack_into("<II", archive, start + 20, 40, 40)
    with pytest.raises(errors.ArchiveTooLarge):
        read(tmp_path, bytes(archive))


def test_an_entry_whose_local_header_moves_it_into_the_next_is_too_large(tmp_path: Path) -> None:
    archive = bytearray(zip_of(ZipEntry(b"a"), ZipEntry(b"b")))
    struct.pack_into("<H", archive, 28, 1)
    with pytest.raises(errors.ArchiveTooLarge, match="overlaps"):
        read(tmp_path, bytes(archive))


def test_a_comment_may_look_like_the_end_of_a_directory(tmp_path: Path) -> None:
    comment = b"PK\5\6" + bytes(40)
    archive = zip_of(ZipEntry(b"a"))[:-2] + struct.pack("<H", len(comment)) + comment
    assert read(tmp_path, archive) == {"a": b"content"}


def test_a_declared_number_of_entries_is_rejected_before_the_directory_is_read(
    tmp_path: Path,
) -> None:
    unreadable = b"PK\3\4" + bytes(1000) + ZipArchive().end(60_000, 900, 50)
    with pytest.raises(errors.ArchiveTooManyFiles):
        read(tmp_path, unreadable)


def test_a_64_bit_number_of_entries_is_rejected_before_the_directory_is_read(
    tmp_path: Path,
) -> None:
    start = b"PK\3\4" + bytes(1000)
    end64 = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 200_000, 200_000, 900, 50)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, len(start), 1)
    unreadable = start + end64 + locator + ZipArchive().end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    with pytest.raises(errors.ArchiveTooManyFiles):
        read(tmp_path, unreadable)


def test_entries_are_counted_despite_a_wrong_declared_number(tmp_path: Path) -> None:
    entries = [ZipEntry(b"%d" % number) for number in range(200)]
    with pytest.raises(errors.ArchiveTooManyFiles):
        read(tmp_path, ZipArchive(entries, num_entries=1).build())


def test_too_many_entries_of_a_tar_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(errors.ArchiveTooManyFiles):
        read(tmp_path, tar_of(*(tar_entry(b"%d" % number) for number in range(101))))


@pytest.mark.parametrize(
    "archive",
    [
        pytest.param(zip_of(ZipEntry(b"a/1.jpg"), ZipEntry(b"a/1.jpg")), id="zip"),
        pytest.param(zip_of(ZipEntry(b"a/1.jpg"), ZipEntry(b"./a//1.jpg")), id="spelt differently"),
        pytest.param(tar_of(tar_entry(b"a/1.jpg"), tar_entry(b"a/1.jpg")), id="tar"),
    ],
)
def test_duplicate_names_are_rejected(tmp_path: Path, archive: bytes) -> None:
    with pytest.raises(errors.ArchiveDuplicate):
        read(tmp_path, archive)


def test_names_that_differ_only_in_case_are_two_files(tmp_path: Path) -> None:
    both = zip_of(ZipEntry(b"a/IMG.jpg"), ZipEntry(b"a/img.jpg"))
    assert list(read(tmp_path, both)) == ["a/IMG.jpg", "a/img.jpg"]


def test_names_that_are_not_utf8_are_read(tmp_path: Path) -> None:
    assert list(read(tmp_path, zip_of(ZipEntry(b"fourmi\x82/1.jpg")))) == ["fourmié/1.jpg"]
    assert list(read(tmp_path, tar_of(tar_entry(b"fourmi\xe9/1.jpg")))) == ["fourmié/1.jpg"]


def test_a_zstd_bomb_is_unpacked_in_bounded_pieces() -> None:
    bomb = zstandard.ZstdCompressor(level=19).compress(bytes(100_000_000))
    stream = compression.ZstdStream(io.BytesIO(bomb))
    num_bytes = 0
    while piece := stream.read(64 * 1024):
        num_bytes += len(piece)
        assert len(stream._unpacked) <= 32 * 1024 * 1024  # noqa: SLF001 - the bound itself
    assert num_bytes == 100_000_000


def test_a_zstd_window_above_the_limit_is_rejected(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=28)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    archive = compressor.compress(SMALL_TAR) + compressor.flush()
    with pytest.raises(errors.ArchiveInvalid, match="128 MiB"):
        read(tmp_path, archive)
