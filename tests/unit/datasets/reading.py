"""Valid archives, and a function that reads an archive."""

import io
import tarfile
import zipfile
from pathlib import Path

import zstandard

from app.datasets.archive.limits import ArchiveLimits
from app.datasets.archive.reading import read_archive
from tests.unit.datasets.archives import (
    tar_entry,
    tar_of,
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
