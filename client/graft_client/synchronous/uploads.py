# Written by graft_client.sync_generator from asynchronous/uploads.py: change that file.
"""Send a large file or folder in parts, and continue after interruptions (tus 1.0)."""

from dataclasses import dataclass

from graft_client import tus
from graft_client.answers import location_of
from graft_client.display.base import Display
from graft_client.display.meter import Meter
from graft_client.errors import ApiError, ConnectionFailed, InvalidInput, unexpected_answer
from graft_client.packing import Source
from graft_client.synchronous.connection import Connection
from graft_client.synchronous.runtime import iterate, next_part, sleep
from graft_client.upload_state import UploadState, find_state


@dataclass(frozen=True)
class FinishedUpload:
    """A finished upload; `use` creates something from it."""

    connection: Connection
    id: str
    state: UploadState

    def use(self, path: str, **fields: object) -> object:
        """Create a dataset or batch from the upload; return the service's answer.

        An upload that the service refuses for ever is forgotten.
        """
        body = {"upload_id": self.id} | {
            name: value for name, value in fields.items() if value is not None
        }
        try:
            answer: object = self.connection.send("POST", path, json=body, is_creation=True)
        except ApiError as error:
            if error.code.startswith(("UPLOAD_", "ARCHIVE_")):
                self.state.forget()
            raise
        self.state.forget()
        return answer


def is_sent_in_parts(connection: Connection, source: Source) -> bool:
    """Return whether a source is large, and the service announces that it takes parts (tus)."""
    if source.num_bytes <= tus.MIN_BYTES:
        return False
    try:
        answer = connection.send_once("OPTIONS", tus.PATH, headers={})
    except ApiError:
        return False
    return "creation" in answer.headers.get("Tus-Extension", "")


def send_in_parts(
    connection: Connection, source: Source, display: Display, *, resume: bool
) -> FinishedUpload:
    """Upload a source; resume continues an earlier upload that was interrupted.

    A broken connection, a restart and a full disk of the service interrupt it; after five minutes
    without progress it raises the error. Raises InvalidInput if a file changes meanwhile.
    """
    length = source.length
    state = find_state(connection.url, source)
    path = state.load() if resume else None
    offset = None if path is None else _find_offset(connection, path)
    if path is None or offset is None:
        headers = tus.creation_headers(length, source.filename)
        answer = connection.request("POST", tus.PATH, headers=headers, may_repeat=True)
        path, offset = location_of(answer), 0
        state.store(path, source)
    meter = Meter(display, length)
    meter.start_at(offset)
    while offset < length:
        offset = _send_from(connection, path, source, meter, offset)
    return FinishedUpload(connection, path.rpartition("/")[2], state)


def _send_from(connection: Connection, path: str, source: Source, meter: Meter, offset: int) -> int:
    """Send parts until the end, or until the service continues elsewhere; return the offset."""
    parts = source.parts(offset, tus.PART_BYTES)
    while (part := next_part(parts)) is not None:
        end = offset + len(part)
        offset = _send_part(connection, path, part, meter, offset)
        if offset != end:
            return offset
    if offset < source.length:
        raise InvalidInput(f"'{source.path}' has changed while it was sent; upload it again.")
    return offset


def _send_part(connection: Connection, path: str, part: bytes, meter: Meter, start: int) -> int:
    """Send one part, again after errors that pass; return the offset of the upload."""
    patience = tus.Patience()
    while True:
        try:
            answer = connection.send_once(
                "PATCH",
                path,
                headers=tus.part_headers(start, part),
                content=iterate(tus.split_part(part, lambda sent: meter.update(start + sent))),
            )
            return _read_offset(answer.headers.get("Upload-Offset"), connection.address_of(path))
        except (ApiError, ConnectionFailed) as error:
            sleep(patience.next_pause(error))
        offset = _find_offset(connection, path, patience)
        if offset is None:
            raise InvalidInput("The service does not have the upload any more; start it again.")
        if offset != start:
            return offset


def _find_offset(
    connection: Connection, path: str, patience: tus.Patience | None = None
) -> int | None:
    """Return the offset of an upload; None if the service does not have it any more."""
    while True:
        try:
            answer = connection.send_once("HEAD", path, headers=tus.version_headers())
        except ApiError as error:
            if tus.is_gone(error):
                return None
            failure: ApiError | ConnectionFailed = error
        except ConnectionFailed as error:
            failure = error
        else:
            return _read_offset(answer.headers.get("Upload-Offset"), connection.address_of(path))
        if patience is None:
            raise failure
        sleep(patience.next_pause(failure))


def _read_offset(header: str | None, address: str) -> int:
    if header is None or not header.isdigit():
        raise unexpected_answer(200, address, "an answer without Upload-Offset")
    return int(header)
