"""An assistant reads files of the allowed folders only."""

import os
from pathlib import Path

import pytest

from graft_client.errors import InvalidInput
from graft_client.mcp import folders as folders_module
from graft_client.mcp.folders import AllowedFolders


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """An allowed folder beside a secret one."""
    (tmp_path / "photos" / "cats").mkdir(parents=True)
    (tmp_path / "photos" / "cats" / "1.jpg").write_bytes(b"cat")
    (tmp_path / "photos-private").mkdir()
    (tmp_path / "photos-private" / "secret.jpg").write_bytes(b"secret")
    return tmp_path / "photos"


@pytest.fixture
def folders(photos: Path) -> AllowedFolders:
    return AllowedFolders([photos])


def test_relative_and_absolute_paths_inside_are_found(
    folders: AllowedFolders, photos: Path
) -> None:
    expected = photos.resolve() / "cats" / "1.jpg"
    for text in ("cats/1.jpg", str(photos / "cats" / "1.jpg"), "cats/../cats/./1.jpg"):
        assert folders.find_image(text) == expected
    assert folders.find_source(".") == photos.resolve()


@pytest.mark.parametrize(
    "text",
    [
        "../photos-private/secret.jpg",
        "cats/../../photos-private/secret.jpg",
        "/etc/passwd",
        "../photos-private",
        "/",
        "../photos-private/does-not-exist.jpg",
    ],
)
def test_paths_outside_are_refused_alike(folders: AllowedFolders, text: str) -> None:
    for find in (folders.find_image, folders.find_source):
        with pytest.raises(InvalidInput, match="outside the allowed folders") as caught:
            find(text)
        assert "--allow" in caught.value.detail


def test_a_link_out_of_the_folder_is_refused(folders: AllowedFolders, photos: Path) -> None:
    (photos / "link.jpg").symlink_to(photos.parent / "photos-private" / "secret.jpg")
    with pytest.raises(InvalidInput, match="outside the allowed folders"):
        folders.find_image("link.jpg")


@pytest.mark.parametrize("target", ["secret.jpg", "."])
def test_a_folder_with_a_link_out_of_it_is_not_packed(
    folders: AllowedFolders, photos: Path, target: str
) -> None:
    (photos / "cats" / "link").symlink_to(photos.parent / "photos-private" / target)
    with pytest.raises(InvalidInput, match=r"'cats/link' in '\.' is a link to a place outside"):
        folders.find_source(".")


def test_a_folder_with_a_loop_of_links_is_not_packed(folders: AllowedFolders, photos: Path) -> None:
    (photos / "loop").symlink_to(photos / "loop")
    with pytest.raises(InvalidInput, match="leads nowhere"):
        folders.find_source(".")


def test_a_link_within_the_folder_may_be_followed(folders: AllowedFolders, photos: Path) -> None:
    (photos / "again.jpg").symlink_to(photos / "cats" / "1.jpg")
    assert folders.find_image("again.jpg").read_bytes() == b"cat"
    assert folders.find_source(".") == photos.resolve()


def test_every_allowed_folder_counts(photos: Path) -> None:
    both = AllowedFolders([photos, photos.parent / "photos-private"])
    secret = photos.parent / "photos-private" / "secret.jpg"
    assert both.find_image(str(secret)) == secret.resolve()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dogs/1.jpg", "does not exist"),
        ("cats", "is a folder"),
        ("https://example.org/1.jpg", "is an address"),
        ("file:///etc/passwd", "is an address"),
        ("", "is empty"),
        ("a\0b", "null character"),
        ("pipe", "neither a file nor a folder"),
        ("loop", "leads nowhere"),
    ],
)
def test_a_path_that_is_no_image_is_refused(
    folders: AllowedFolders, photos: Path, text: str, expected: str
) -> None:
    os.mkfifo(photos / "pipe")
    (photos / "loop").symlink_to(photos / "loop")
    with pytest.raises(InvalidInput, match=expected):
        folders.find_image(text)


def test_a_huge_file_is_not_read(folders: AllowedFolders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders_module, "MAX_IMAGE_BYTES", 2)
    with pytest.raises(InvalidInput, match="has 3 bytes; an image may have at most 2"):
        folders.find_image("cats/1.jpg")


def test_a_folder_that_does_not_exist_cannot_be_allowed(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is not a folder"):
        AllowedFolders([tmp_path / "nothing"])
