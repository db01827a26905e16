"""The archive reader accepts valid archives and rejects malicious and damaged ones."""

import gzip
import tarfile
import zlib
from pathlib import Path

import pytest

from app import errors
from app.datasets.archive.reading import read_archive
from tests.unit.datasets.archives import (
    BZIP2,
    DEFLATED,
    DEVICE,
    ENCRYPTED,
    FIFO,
    SYMLINK,
    ZipArchive,
    ZipEntry,
    pax_record,
    tar_entry,
    tar_of,
    zip_of,
)
from tests.unit.datasets.reading import (
    FILES,
    ROOMY,
    SMALL_TAR,
    read,
    standard_tar,
    standard_zip,
    zstd,
)


@pytest.mark.parametrize(
    "archive",
    [
        pytest.param(standard_zip(), id="zip"),
        pytest.param(standard_zip(force_zip64=True), id="zip64 sizes"),
        pytest.param(standard_tar(tarfile.USTAR_FORMAT), id="ustar"),
        pytest.param(standard_tar(tarfile.GNU_FORMAT), id="gnu tar"),
        pytest.param(standard_tar(), id="pax tar"),
        pytest.param(gzip.compress(standard_tar()), id="tar.gz"),
        pytest.param(
            gzip.compress(standard_tar()[:700]) + gzip.compress(standard_tar()[700:]),
            id="tar.gz of two members",
        ),
        pytest.param(zstd(standard_tar()), id="tar.zst"),
        pytest.param(
            zstd(standard_tar()[:700]) + b"\x50\x2a\x4d\x18\2\0\0\0no" + zstd(standard_tar()[700:]),
            id="tar.zst of two frames and a skippable one",
        ),
    ],
)
def test_every_format_yields_the_same_files(tmp_path: Path, archive: bytes) -> None:
    assert read(tmp_path, archive) == FILES


def test_a_zip_may_be_empty(tmp_path: Path) -> None:
    assert read(tmp_path, zip_of()) == {}


def test_long_names_of_gnu_and_pax_are_read(tmp_path: Path) -> None:
    name = "ants/" + "n" * 200 + ".jpg"
    gnu = tar_entry(b"././@LongLink", name.encode() + b"\0", kind=b"L")
    pax = tar_entry(b"pax", pax_record("path", name), kind=b"x")
    for extension in (gnu, pax):
        archive = tar_of(extension, tar_entry(b"short"), tar_entry(b"the next one"))
        assert list(read(tmp_path, archive)) == [name, "the next one"]


def test_a_pax_size_counts_before_the_headers(tmp_path: Path) -> None:
    pax = tar_entry(b"pax", pax_record("size", "7"), kind=b"x")
    assert read(tmp_path, tar_of(pax, tar_entry(b"a", size=0))) == {"a": b"content"}


def test_many_pax_headers_in_a_row_are_read(tmp_path: Path) -> None:
    pax = tar_entry(b"pax", pax_record("comment", "c"), kind=b"x")
    assert read(tmp_path, tar_of(*[pax] * 2000, tar_entry(b"a"))) == {"a": b"content"}


@pytest.mark.timeout(20)
def test_a_pax_header_of_digits_is_refused_quickly(tmp_path: Path) -> None:
    """An expression that backtracks takes hours for as many digits."""
    with pytest.raises(errors.ArchiveInvalid):
        read(tmp_path, tar_of(tar_entry(b"pax", b"1" * 1_000_000, kind=b"x"), tar_entry(b"a")))


@pytest.mark.timeout(20)
def test_a_negative_size_in_base_256_is_invalid(tmp_path: Path) -> None:
    """Who believes it comes back to the same header, for ever."""
    header = bytearray(tar_entry(b"b", b""))
    header[124:136] = (-512).to_bytes(12, "big", signed=True)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    with pytest.raises(errors.ArchiveInvalid, match="negative"):
        read(tmp_path, tar_of(tar_entry(b"a"), bytes(header)))


def test_a_size_in_base_256_is_read(tmp_path: Path) -> None:
    header = bytearray(tar_entry(b"a"))
    header[124:136] = b"\x80" + (7).to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    assert read(tmp_path, tar_of(bytes(header))) == {"a": b"content"}


def test_a_checksum_of_signed_bytes_is_accepted(tmp_path: Path) -> None:
    header = bytearray(tar_entry("é".encode()))
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % (sum(header[:512]) - 2 * 256)
    assert read(tmp_path, tar_of(bytes(header))) == {"é": b"content"}


def test_empty_folders_are_yielded(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(tar_of(tar_entry(b"ants/", b"", kind=b"5"), tar_entry(b"bees/1.jpg")))
    assert [(entry.path, entry.is_folder) for entry in read_archive(path, ROOMY)] == [
        ("ants", True),
        ("bees/1.jpg", False),
    ]


def test_content_is_yielded_in_small_pieces(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(zip_of(ZipEntry(b"a", bytes(5_000_000), DEFLATED)))
    (sizes,) = [[len(piece) for piece in entry.content] for entry in read_archive(path, ROOMY)]
    assert sum(sizes) == 5_000_000
    assert max(sizes) <= 64 * 1024


def test_unread_content_is_checked_anyway(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(zip_of(ZipEntry(b"a", crc=1)))
    with pytest.raises(errors.ArchiveInvalid):
        list(read_archive(path, ROOMY))


@pytest.mark.parametrize(
    "archive",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"this is text, not an archive" * 30, id="text"),
        pytest.param(b"PK\3\4", id="four bytes of a zip"),
        pytest.param(standard_zip()[:-1], id="zip without its last byte"),
        pytest.param(standard_zip()[:1000], id="first half of a zip"),
        pytest.param(zip_of(ZipEntry(b"a", crc=1)), id="wrong CRC, stored"),
        pytest.param(zip_of(ZipEntry(b"a", method=DEFLATED, crc=1)), id="wrong CRC, deflated"),
        pytest.param(zip_of(ZipEntry(b"a", num_bytes=8)), id="fewer bytes than declared"),
        pytest.param(
            zip_of(ZipEntry(b"a", method=DEFLATED, packed=b"\xff\xff\xff")), id="not deflate"
        ),
        pytest.param(
            zip_of(ZipEntry(b"a", method=DEFLATED, packed=zlib.compress(b"content")[2:4])),
            id="deflate cut off",
        ),
        pytest.param(
            zip_of(ZipEntry(b"a", method=DEFLATED, packed=zlib.compress(b"content")[2:-4] + b"x")),
            id="bytes after the deflate stream",
        ),
        pytest.param(
            zip_of(ZipEntry(b"a", local_name=b"b")), id="local name differs from the directory's"
        ),
        pytest.param(
            zip_of(ZipEntry(b"a"), ZipEntry(b"b")).replace(b"contentPK\3", b"contentPK\5"),
            id="no local header",
        ),
        pytest.param(
            ZipArchive([ZipEntry(b"a")], num_entries=2).build(),
            id="directory shorter than declared",
        ),
        pytest.param(
            ZipArchive([ZipEntry(b"a"), ZipEntry(b"b")], num_entries=1).build(),
            id="directory longer than declared",
        ),
        pytest.param(
            b"PK\3\4" + bytes(100) + ZipArchive().end(1, 46, 110), id="directory beyond the end"
        ),
        pytest.param(SMALL_TAR[:-1024], id="tar without its end"),
        pytest.param(SMALL_TAR[:515], id="tar cut in a file"),
        pytest.param(SMALL_TAR[:1100], id="tar cut in a header"),
        pytest.param(
            SMALL_TAR.replace(b"bees/2.jpg", b"bees/3.jpg"), id="tar header with a wrong checksum"
        ),
        pytest.param(
            tar_of(tar_entry(b"pax", b"12 path", kind=b"x"), tar_entry(b"a")), id="damaged pax"
        ),
        pytest.param(
            tar_of(tar_entry(b"pax", b"7 path\n", kind=b"x"), tar_entry(b"a")), id="pax without ="
        ),
        pytest.param(
            tar_of(tar_entry(b"pax", pax_record("size", "-1"), kind=b"x"), tar_entry(b"a")),
            id="negative pax size",
        ),
        pytest.param(
            tar_of(
                tar_entry(b"pax", pax_record("comment", "c" * 2_000_000), kind=b"x"),
                tar_entry(b"a"),
            ),
            id="huge pax header",
        ),
        pytest.param(gzip.compress(b"no tar in here" * 100), id="gzip of text"),
        pytest.param(gzip.compress(b""), id="gzip of nothing"),
        pytest.param(gzip.compress(SMALL_TAR)[:-3], id="gzip without its last bytes"),
        pytest.param(gzip.compress(SMALL_TAR)[:-8] + bytes(8), id="gzip with a wrong CRC"),
        pytest.param(zstd(SMALL_TAR)[:-1], id="zstd without its last byte"),
        pytest.param(zstd(SMALL_TAR)[:-4] + bytes(4), id="zstd with a wrong checksum"),
    ],
)
def test_a_damaged_archive_is_invalid(tmp_path: Path, archive: bytes) -> None:
    with pytest.raises(errors.ArchiveInvalid):
        read(tmp_path, archive)


@pytest.mark.parametrize(
    "name",
    [
        b"../ants/1.jpg",
        b"ants/../../1.jpg",
        b"ants/..",
        b"ants/.. /1.jpg",
        b"/ants/1.jpg",
        b"//server/1.jpg",
        b"C:/ants/1.jpg",
        b"./c:1.jpg",
        b"..\\ants\\1.jpg",
        b"ants\\1.jpg",
        b"ants/NUL",
        b"con/1.jpg",
        b"ants/Lpt1.jpg",
        b"ants/aux .jpg",
        b"ants/" + b"n" * 256,
        "ants/{}".format("\u0958" * 200).encode(),
        b"ants/" * 300,
    ],
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_unsafe_names_are_rejected(tmp_path: Path, name: bytes, kind: str) -> None:
    pax = tar_entry(b"pax", pax_record("path", name.decode()), kind=b"x")
    archive = zip_of(ZipEntry(name)) if kind == "zip" else tar_of(pax, tar_entry(b"a"))
    with pytest.raises(errors.ArchiveUnsafePath):
        read(tmp_path, archive)


def test_nul_in_a_name_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(errors.ArchiveUnsafePath):
        read(tmp_path, zip_of(ZipEntry(b"ants/1.jpg\0.exe")))
    with pytest.raises(errors.ArchiveUnsafePath):
        read(
            tmp_path,
            tar_of(tar_entry(b"pax", pax_record("path", "a\0b"), kind=b"x"), tar_entry(b"a")),
        )


def test_a_name_of_kilobytes_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(errors.ArchiveUnsafePath, match="bytes"):
        read(tmp_path, zip_of(ZipEntry(b"n" * 60_000)))


@pytest.mark.parametrize("attributes", [SYMLINK, FIFO, DEVICE])
def test_special_zip_entries_are_rejected(tmp_path: Path, attributes: int) -> None:
    with pytest.raises(errors.ArchiveUnsafeEntry):
        read(tmp_path, zip_of(ZipEntry(b"ants/1.jpg", b"target", attributes=attributes)))


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (b"1", "hard link"),
        (b"2", "symbolic link"),
        (b"3", "device"),
        (b"4", "device"),
        (b"6", "pipe"),
        (b"S", "sparse"),
        (b"V", "neither"),
    ],
)
def test_special_tar_entries_are_rejected(tmp_path: Path, kind: bytes, what: str) -> None:
    with pytest.raises(errors.ArchiveUnsafeEntry, match=what):
        read(tmp_path, tar_of(tar_entry(b"ants/1.jpg", b"", kind=kind)))


def test_a_sparse_file_declared_by_pax_is_rejected(tmp_path: Path) -> None:
    pax = tar_entry(b"pax", pax_record("GNU.sparse.major", "1"), kind=b"x")
    with pytest.raises(errors.ArchiveUnsafeEntry, match="sparse"):
        read(tmp_path, tar_of(pax, tar_entry(b"a")))


@pytest.mark.parametrize(
    "archive",
    [
        pytest.param(zip_of(ZipEntry(b"a", flags=ENCRYPTED)), id="encrypted"),
        pytest.param(
            zip_of(ZipEntry(b"a"), ZipEntry(b"b", flags=ENCRYPTED)), id="second entry encrypted"
        ),
        pytest.param(zip_of(ZipEntry(b"a", flags=0x2000)), id="masked headers"),
        pytest.param(zip_of(ZipEntry(b"a", method=99)), id="AES"),
        pytest.param(zip_of(ZipEntry(b"a"), ZipEntry(b"b", method=BZIP2)), id="bzip2 in a zip"),
        pytest.param(ZipArchive([ZipEntry(b"a")], disk=1).build(), id="one part of several"),
        pytest.param(b"BZh91AY&SY" + bytes(600), id="bzip2"),
        pytest.param(b"\xfd7zXZ\0" + bytes(600), id="xz"),
        pytest.param(b"7z\xbc\xaf\x27\x1c" + bytes(600), id="7z"),
        pytest.param(b"Rar!\x1a\x07\1\0" + bytes(600), id="rar"),
    ],
)
def test_other_formats_are_unsupported(tmp_path: Path, archive: bytes) -> None:
    with pytest.raises(errors.ArchiveUnsupported):
        read(tmp_path, archive)
