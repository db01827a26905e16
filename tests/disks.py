"""Small file systems that tests fill."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

MIB = 1024 * 1024


@dataclass(frozen=True)
class SmallDisk:
    """A file system of its own, in memory."""

    root: Path

    @property
    def num_free_bytes(self) -> int:
        return shutil.disk_usage(self.root).free

    def fill(self, *, leave: int = 0) -> None:
        """Write one file as large as the free space but for this many bytes.

        What the service frees or writes meanwhile is left to it.
        """
        missing = self.num_free_bytes - leave
        with suppress(OSError), (self.root / "filling").open("ab") as file:
            for start in range(0, missing, MIB):
                file.write(bytes(min(MIB, missing - start)))

    def free(self) -> None:
        """Delete what `fill` has written."""
        (self.root / "filling").unlink(missing_ok=True)


@contextmanager
def mounting_small_disk(folder: Path, num_bytes: int) -> Iterator[SmallDisk]:
    """Mount a file system in memory; skip the test where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={num_bytes}", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
