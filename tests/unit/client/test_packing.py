"""Pack a folder into a zip while it is sent."""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from graft_client.errors import InvalidInput
from graft_client.packing import CHUNK_BYTES, find_source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pets.v2"
    for name, size in (("cats/1.jpg", 3 * CHUNK_BYTES + 1), ("dogs/deep/2.jpg", 10), ("empty", 0)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bytes(index % 251 for index in range(size)))
    return folder


def test_a_folder_is_a_zip_of_its_files_in_order(folder: Path) -> None:
    source = find_source(folder)
    assert (source.filename, source.is_folder, source.num_bytes) == (
        "pets.v2.zip",
        True,
        3 * CHUNK_BYTES + 11,
    )
    with zipfile.ZipFile(BytesIO(b"".join(source.read()))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["cats/1.jpg", "dogs/deep/2.jpg", "empty"]
        for name in archive.namelist():
            assert archive.read(name) == (folder / name).read_bytes()


def test_the_zip_is_the_same_each_time(folder: Path) -> None:
    source = find_source(folder)
    assert b"".join(source.read()) == b"".join(source.read())


def test_a_chunk_is_never_much_larger_than_what_is_read(folder: Path) -> None:
    sizes = [len(chunk) for chunk in find_source(folder).read()]
    assert len(sizes) == 6
    assert max(sizes) <= CHUNK_BYTES + 1000


def test_an_archive_is_sent_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pets.tar.zst"
    path.write_bytes(b"packed")
    source = find_source(path)
    assert (source.filename, source.stem, source.is_folder) == ("pets.tar.zst", "pets", False)
    assert b"".join(source.read()) == b"packed"


def test_a_folder_with_one_file_is_still_packed(tmp_path: Path) -> None:
    (tmp_path / "only.jpg").write_bytes(b"x")
    assert find_source(tmp_path).is_folder


def test_a_missing_or_empty_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        find_source(tmp_path / "nothing")
    (tmp_path / "deep").mkdir()
    with pytest.raises(InvalidInput, match="has no files"):
        find_source(tmp_path)


@pytest.mark.parametrize("limit", [zipfile.ZIP64_LIMIT, 2_000, 300_000])
def test_the_length_of_a_zip_is_known_before_it_is_packed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
    (folder / "cats" / "Kätzchen №1.jpg").write_bytes(bytes(3000))
    (folder / "dogs" / "3.jpg").write_bytes(bytes(1950))  # zip64 in its own header alone
    source = find_source(folder)
    assert source.length == len(b"".join(source.read()))


def test_the_length_of_a_zip_of_many_files_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 5)
    for number in range(7):
        (tmp_path / f"{number}.jpg").write_bytes(b"x")
    source = find_source(tmp_path)
    assert source.length == len(b"".join(source.read()))


@pytest.mark.parametrize("start", [0, 1, 30, CHUNK_BYTES + 7, 3 * CHUNK_BYTES + 400])
def test_a_source_is_read_from_any_position(folder: Path, start: int) -> None:
    for path in (folder, folder / "cats" / "1.jpg"):
        source = find_source(path)
        assert b"".join(source.read(start)) == b"".join(source.read())[start:]
        parts = list(source.parts(start, 100_000))
        assert b"".join(parts) == b"".join(source.read())[start:]
        assert {len(part) for part in parts[:-1]} <= {100_000}


def test_a_fingerprint_changes_with_the_files(folder: Path) -> None:
    before = find_source(folder).fingerprint
    assert find_source(folder).fingerprint == before
    (folder / "empty").write_bytes(b"x")
    after = find_source(folder).fingerprint
    (folder / "empty").rename(folder / "other")
    assert len({before, after, find_source(folder).fingerprint}) == 3
