"""The folders whose files an assistant may send to the service."""

from collections.abc import Sequence
from pathlib import Path

from graft_client.errors import InvalidInput

MAX_IMAGE_BYTES = 64 * 1024 * 1024
"""Largest image file that is read; the service's own limit is usually lower."""


class AllowedFolders:
    """Finds files by path, and refuses those outside some folders.

    A path is judged by where it really leads, so neither `..` nor a symbolic link leaves a folder.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        """The first folder is where relative paths start; raises InvalidInput."""
        for folder in folders:
            if not folder.is_dir():
                raise InvalidInput(f"'{folder}' is not a folder; give one that exists.")
        self.folders = tuple(folder.resolve() for folder in folders)

    def __str__(self) -> str:
        return ", ".join(f"'{folder}'" for folder in self.folders)

    def find_image(self, text: str) -> Path:
        """Return the path of an image file; raises InvalidInput."""
        path = self._find(text)
        if not path.is_file():
            raise InvalidInput(f"'{text}' is a folder; give the path of one image file.")
        num_bytes = path.stat().st_size
        if num_bytes > MAX_IMAGE_BYTES:
            raise InvalidInput(
                f"'{text}' has {num_bytes} bytes; an image may have at most {MAX_IMAGE_BYTES}."
            )
        return path

    def find_source(self, text: str) -> Path:
        """Return the path of an archive, or of a folder of images; raises InvalidInput."""
        path = self._find(text)
        if path.is_dir():
            for one in path.rglob("*"):
                if one.is_symlink() and not self._contains(_follow(one)):
                    raise InvalidInput(
                        f"'{one.relative_to(path)}' in '{text}' is a link to a place outside the "
                        f"allowed folders {self}. Remove the link, or copy the file."
                    )
        return path

    def _find(self, text: str) -> Path:
        if "://" in text:
            raise InvalidInput(f"'{text}' is an address; give the path of a file on this machine.")
        if not text or "\0" in text:
            raise InvalidInput("The path is empty or has a null character; give a path.")
        path = _follow(self.folders[0] / text)  # an absolute path replaces the folder
        # Whether a path outside exists is nobody's business, so this comes first.
        if not self._contains(path):
            raise InvalidInput(
                f"'{text}' is outside the allowed folders {self}. Give a path inside, or ask the "
                "operator to start `graft mcp` with `--allow` and that folder."
            )
        if not path.exists():
            raise InvalidInput(f"'{text}' does not exist in the allowed folders {self}.")
        if not (path.is_file() or path.is_dir()):
            raise InvalidInput(f"'{text}' is neither a file nor a folder.")
        return path

    def _contains(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in self.folders)


def _follow(path: Path) -> Path:
    """Return where a path really leads; raises InvalidInput for links that form a loop."""
    try:
        return path.resolve()
    except RuntimeError as error:
        raise InvalidInput(f"'{path}' leads nowhere: {error}.") from error
