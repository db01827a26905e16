"""Stream a request's body into an upload; threads do the file access."""

from collections.abc import AsyncIterator

import anyio
from anyio.to_thread import run_sync

from app.db.upload_table import ResumableUpload
from app.errors import BodyIncomplete
from app.uploads.writer import UploadWriter

_WRITE_BYTES = 1024 * 1024


async def receive(chunks: AsyncIterator[bytes], writer: UploadWriter) -> ResumableUpload:
    """Append a body, and return the upload with its new offset; closes the writer.

    What arrived before the client disconnected is kept, unless it has a checksum. Raises
    BodyIncomplete then, and what the writer raises.
    """
    waiting = bytearray()
    is_complete = False
    try:
        try:
            async for chunk in chunks:
                waiting += chunk
                if len(waiting) >= _WRITE_BYTES:
                    piece = bytes(waiting)
                    waiting.clear()
                    await run_sync(writer.write, piece)
            is_complete = True
        except BodyIncomplete:
            await run_sync(writer.write, bytes(waiting))
            raise
        await run_sync(writer.write, bytes(waiting))
    finally:
        with anyio.CancelScope(shield=True):
            await run_sync(lambda: writer.close(is_complete=is_complete))
    return writer.upload
