"""A multipart form with one large file, as a stream (RFC 7578)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from uuid import uuid4

from graft_client.packing import Source

OnSent = Callable[[int], None]
"""Called with the number of bytes that have been sent since the start."""


@dataclass(frozen=True)
class UploadForm:
    """The fields and the file of a form; its body can be sent several times."""

    fields: Mapping[str, str]
    source: Source
    on_sent: OnSent = lambda _: None

    def headers(self, boundary: str) -> dict[str, str]:
        """Return the headers of the form; the length is known unless a folder is packed."""
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        if not self.source.is_folder:
            length = len(self._head(boundary)) + self.source.num_bytes + len(_tail(boundary))
            headers["Content-Length"] = str(length)
        return headers

    def body(self, boundary: str) -> Iterator[bytes]:
        """Yield the body; calls `on_sent` after each chunk of the file has been taken."""
        yield self._head(boundary)
        sent = 0
        for chunk in self.source.read():
            yield chunk
            sent += len(chunk)
            self.on_sent(sent)
        yield _tail(boundary)

    def _head(self, boundary: str) -> bytes:
        parts = [_part(boundary, f'name="{name}"') + text for name, text in self.fields.items()]
        disposition = f'name="file"; filename="{_quote(self.source.filename)}"'
        file = _part(boundary, disposition, "Content-Type: application/octet-stream\r\n")
        return "\r\n".join([*parts, file]).encode()


def new_boundary() -> str:
    """Return a boundary that no file contains."""
    return uuid4().hex


def _part(boundary: str, disposition: str, headers: str = "") -> str:
    return f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n{headers}\r\n"


def _tail(boundary: str) -> bytes:
    return f"\r\n--{boundary}--\r\n".encode()


def _quote(filename: str) -> str:
    return filename.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
