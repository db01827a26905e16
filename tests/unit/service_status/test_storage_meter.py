"""The size of the storage is measured in bounded time."""

from itertools import count
from pathlib import Path

import pytest

from app.service_status.process import StorageMeter


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, size in (("a/b/one", 100), ("a/two", 20), ("three", 3)):
        path = tmp_path / "storage" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    return tmp_path / "storage"


def used(meter: StorageMeter) -> int | None:
    usage = meter.measure()
    assert usage is not None
    assert 0 < usage.free_bytes <= usage.total_bytes
    return usage.used_bytes


def test_all_files_are_counted_and_no_links_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"x" * 5000)
    (root / "a" / "link").symlink_to(tmp_path)
    assert 123 <= (used(StorageMeter(root)) or 0) < 1000


def test_a_size_is_kept_for_a_while(root: Path) -> None:
    moments = iter([0.0, 0.0, 30.0, 61.0, 61.0])
    meter = StorageMeter(root, clock=lambda: next(moments))
    assert used(meter) == 123
    (root / "four").write_bytes(b"four")
    assert used(meter) == 123
    assert used(meter) == 127


def test_too_many_files_have_no_size(root: Path) -> None:
    for number in range(250):
        (root / str(number)).touch()
    seconds = count()
    assert used(StorageMeter(root, budget_seconds=0.5, clock=lambda: float(next(seconds)))) is None


def test_a_missing_folder_has_no_usage(tmp_path: Path) -> None:
    assert StorageMeter(tmp_path / "missing").measure() is None
