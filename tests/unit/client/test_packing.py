import zipfile
from pathlib import Path

import pytest

from graft_client.packing import packed


def test_a_folder_is_sent_as_a_zip_of_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "pets"
    for name in ("cats/1.jpg", "dogs/deep/2.jpg"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(name.encode())
    with packed(folder) as archive:
        assert archive.name == "pets.zip"
        with zipfile.ZipFile(archive) as entries:
            contents = {name: entries.read(name) for name in entries.namelist()}
    assert contents == {"cats/1.jpg": b"cats/1.jpg", "dogs/deep/2.jpg": b"dogs/deep/2.jpg"}
    assert not archive.exists()


def test_an_archive_is_sent_as_it_is(tmp_path: Path) -> None:
    source = tmp_path / "pets.tar.zst"
    source.write_bytes(b"packed")
    with packed(source) as archive:
        assert archive == source
    assert source.read_bytes() == b"packed"


def test_a_missing_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), packed(tmp_path / "nothing"):
        pass
