"""An image from the service, which notebooks show."""

from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

from graft_client.optional import require
from graft_client.saving import save_atomically


@dataclass(frozen=True)
class Picture:
    """The bytes of an image file and their media type; a notebook shows the image itself."""

    data: bytes = field(repr=False)
    content_type: str

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the file; return its path."""
        return save_atomically(Path(path), [self.data])

    def to_pil(self) -> Any:
        """Return a PIL image; raises MissingDependency."""
        from io import BytesIO  # noqa: PLC0415 - rarely needed

        return require("PIL.Image", "to_pil()").open(BytesIO(self.data))

    def _repr_mimebundle_(self, **_: object) -> dict[str, bytes]:
        return {self.content_type: self.data}
