"""What the safe reader takes, and that each kind of hostile or broken archive gets its answer."""

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
import zstandard

from app import errors
from app.datasets.archive import compression, limits
from app.datasets.archive.limits import ArchiveLimits
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

ROOMY = ArchiveLimits(max_files=100, max_unpacked_bytes=10_000_000)
FILES = {"ants/1.jpg": b"one" * 1000, "bees/2.jpg": b"", "bees/é.jpg": bytes(range(256)) * 1000}


def read(tmp_path: Path, archive: bytes, *, allowed: ArchiveLimits = ROOMY) -> dict[str, bytes]:
    path = tmp_path / "upload"
    path.write_bytes(archive)
    return {
        entry.path: b"".join(entry.content)
        for entry in read_archive(path, allowed)
        if not entry.is_folder
    }


def standard_zip(*, force_zip64: bool = False) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("ants")
        for name, content in FILES.items():
            with archive.open(name, "w", force_zip64=force_zip64) as file:
                file.write(content)
    return buffer.getvalue()


def standard_tar(tar_format: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tar_format) as archive:
        folder = tarfile.TarInfo("./ants")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in FILES.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(content)


SMALL_TAR = tar_of(tar_entry(b"ants/1.jpg"), tar_entry(b"bees/2.jpg"))


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
def test_every_format_gives_the_same_files(tmp_path: Path, archive: bytes) -> None:
    assert read(tmp_path, archive) == FILES


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


def test_empty_folders_are_told(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(tar_of(tar_entry(b"ants/", b"", kind=b"5"), tar_entry(b"bees/1.jpg")))
    assert [(entry.path, entry.is_folder) for entry in read_archive(path, ROOMY)] == [
        ("ants", True),
        ("bees/1.jpg", False),
    ]


def test_content_comes_in_small_pieces(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(zip_of(ZipEntry(b"a", bytes(5_000_000), DEFLATED)))
    (sizes,) = [[len(piece) for piece in entry.content] for entry in read_archive(path, ROOMY)]
    assert sum(sizes) == 5_000_000
    assert max(sizes) <= 64 * 1024


def test_what_is_left_unread_is_checked_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(zip_of(ZipEntry(b"a", crc=1)))
    with pytest.raises(errors.ArchiveInvalid):
        list(read_archive(path, ROOMY))


@pytest.mark.parametrize(
    "archive",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"this is a text and no archive" * 30, id="text"),
        pytest.param(b"PK\3\4", id="four bytes of a zip"),
        pytest.param(standard_zip()[:-1], id="zip without its last byte"),
        pytest.param(standard_zip()[:1000], id="first half of a zip"),
        pytest.param(zip_of(ZipEntry(b"a", crc=1)), id="wrong CRC, stored"),
        pytest.param(zip_of(ZipEntry(b"a", method=DEFLATED, crc=1)), id="wrong CRC, deflated"),
        pytest.param(zip_of(ZipEntry(b"a", num_bytes=8)), id="fewer bytes than announced"),
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
            ZipArchive([ZipEntry(b"a")], num_entries=2).build(), id="directory shorter than told"
        ),
        pytest.param(
            ZipArchive([ZipEntry(b"a"), ZipEntry(b"b")], num_entries=1).build(),
            id="directory longer than told",
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
        pytest.param(gzip.compress(b"no tar in here" * 100), id="gzip of a text"),
        pytest.param(gzip.compress(b""), id="gzip of nothing"),
        pytest.param(gzip.compress(SMALL_TAR)[:-3], id="gzip without its last bytes"),
        pytest.param(gzip.compress(SMALL_TAR)[:-8] + bytes(8), id="gzip with a wrong CRC"),
        pytest.param(zstd(SMALL_TAR)[:-1], id="zstd without its last byte"),
        pytest.param(zstd(SMALL_TAR)[:-4] + bytes(4), id="zstd with a wrong checksum"),
    ],
)
def test_what_is_broken_is_invalid(tmp_path: Path, archive: bytes) -> None:
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
def test_unsafe_names_are_refused(tmp_path: Path, name: bytes, kind: str) -> None:
    pax = tar_entry(b"pax", pax_record("path", name.decode()), kind=b"x")
    archive = zip_of(ZipEntry(name)) if kind == "zip" else tar_of(pax, tar_entry(b"a"))
    with pytest.raises(errors.ArchiveUnsafePath):
        read(tmp_path, archive)


def test_nul_in_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.ArchiveUnsafePath):
        read(tmp_path, zip_of(ZipEntry(b"ants/1.jpg\0.exe")))
    with pytest.raises(errors.ArchiveUnsafePath):
        read(
            tmp_path,
            tar_of(tar_entry(b"pax", pax_record("path", "a\0b"), kind=b"x"), tar_entry(b"a")),
        )


def test_a_name_of_kilobytes_is_refused_before_it_is_kept(tmp_path: Path) -> None:
    with pytest.raises(errors.ArchiveUnsafePath, match="bytes"):
        read(tmp_path, zip_of(ZipEntry(b"n" * 60_000)))


@pytest.mark.parametrize("attributes", [SYMLINK, FIFO, DEVICE])
def test_zip_entries_that_are_no_files_are_refused(tmp_path: Path, attributes: int) -> None:
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
def test_tar_entries_that_are_no_files_are_refused(tmp_path: Path, kind: bytes, what: str) -> None:
    with pytest.raises(errors.ArchiveUnsafeEntry, match=what):
        read(tmp_path, tar_of(tar_entry(b"ants/1.jpg", b"", kind=kind)))


def test_a_sparse_file_in_pax_disguise_is_refused(tmp_path: Path) -> None:
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
def test_what_cannot_be_read_here_is_unsupported(tmp_path: Path, archive: bytes) -> None:
    with pytest.raises(errors.ArchiveUnsupported):
        read(tmp_path, archive)


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
            zip_of(ZipEntry(b"a", ZEROS, DEFLATED, num_bytes=7)), id="zip that lies about its size"
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


def test_more_bytes_than_an_entry_announces_are_too_large(tmp_path: Path) -> None:
    with pytest.raises(errors.ArchiveTooLarge, match="announces"):
        read(tmp_path, zip_of(ZipEntry(b"a", bytes(1000), DEFLATED, num_bytes=999)))


def test_a_bomb_is_known_by_its_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_overlaps_are_found_before_anything_is_unpacked(tmp_path: Path) -> None:
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


def test_an_announced_number_of_entries_is_refused_before_the_directory_is_read(
    tmp_path: Path,
) -> None:
    unreadable = b"PK\3\4" + bytes(1000) + ZipArchive().end(60_000, 900, 50)
    with pytest.raises(errors.ArchiveTooManyFiles):
        read(tmp_path, unreadable)


def test_a_64_bit_number_of_entries_is_refused_before_the_directory_is_read(
    tmp_path: Path,
) -> None:
    start = b"PK\3\4" + bytes(1000)
    end64 = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 200_000, 200_000, 900, 50)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, len(start), 1)
    unreadable = start + end64 + locator + ZipArchive().end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    with pytest.raises(errors.ArchiveTooManyFiles):
        read(tmp_path, unreadable)


def test_a_directory_that_lies_about_its_entries_is_still_counted(tmp_path: Path) -> None:
    entries = [ZipEntry(b"%d" % number) for number in range(200)]
    with pytest.raises(errors.ArchiveTooManyFiles):
        read(tmp_path, ZipArchive(entries, num_entries=1).build())


def test_too_many_entries_of_a_tar_are_refused(tmp_path: Path) -> None:
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
def test_duplicate_names_are_refused(tmp_path: Path, archive: bytes) -> None:
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


def test_a_zstd_window_beyond_the_ceiling_is_refused(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=28)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    archive = compressor.compress(SMALL_TAR) + compressor.flush()
    with pytest.raises(errors.ArchiveInvalid, match="128 MiB"):
        read(tmp_path, archive)
