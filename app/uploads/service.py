"""Create, continue, use and delete resumable uploads.

receiving ──last byte──▶ finished ──a dataset or batch is created──▶ used
    └──────────┬─────────────┘                                        │
               └── deleted by the client, or expired: row and file    └── expired: row alone
"""

from datetime import timedelta

from sqlalchemy.orm import Session

from app.db.session import read_clock
from app.db.tenancy import file_folder, owning_tenant
from app.db.upload_table import ResumableUpload
from app.settings import Settings
from app.tenants.service import require_room
from app.upload_errors import UploadGone, UploadOffsetMismatch, UploadUnfinished, UploadUsed
from app.uploads.repository import UploadRepository

_EXPIRED_AT_ONCE = 1000


def create_upload(
    session: Session, settings: Settings, *, upload_id: str, length: int, metadata_header: str
) -> ResumableUpload:
    """Create an upload of `length` bytes, none of which has arrived, and reserve their room.

    Raises QuotaExceeded if the tenant may not store so many bytes.
    """
    require_room(session, settings, length)
    upload = ResumableUpload(
        id=upload_id,
        status="receiving" if length else "finished",
        length=length,
        offset=0,
        metadata_header=metadata_header,
        storage_key=f"{file_folder(owning_tenant())}uploads/{upload_id}",
        expires_at=read_clock(session) + timedelta(seconds=settings.upload_expires_seconds),
    )
    session.add(upload)
    session.flush()
    return upload


def get_upload(session: Session, upload_id: str) -> ResumableUpload:
    """Return the upload; raises NotFound, UploadGone if it has expired."""
    upload = UploadRepository(session).get(upload_id)
    _require_alive(session, upload)
    return upload


def get_continuable(session: Session, upload_id: str, *, offset: int) -> ResumableUpload:
    """Return an upload that continues at an offset; raises NotFound, UploadGone, and others.

    Raises UploadUsed, and UploadOffsetMismatch if the upload has another offset.
    """
    upload = get_upload(session, upload_id)
    if upload.status == "used":
        raise _used(upload)
    if upload.offset != offset:
        raise UploadOffsetMismatch(
            f"Upload-Offset is {offset}, but {upload_id} has {upload.offset} of {upload.length} "
            "bytes; continue there."
        )
    return upload


def advance(
    session: Session, upload_id: str, *, old_offset: int, new_offset: int, expires_seconds: float
) -> ResumableUpload:
    """Record that the bytes from one offset to the next are durable, and postpone the expiry.

    Raises NotFound if the upload was deleted, UploadOffsetMismatch if it was changed.
    """
    upload = UploadRepository(session).get(upload_id, lock=True)
    if upload.status == "used":
        raise _used(upload)
    if upload.offset != old_offset:
        raise UploadOffsetMismatch(
            f"The offset of {upload_id} has changed from {old_offset} to {upload.offset}."
        )
    upload.offset = new_offset
    upload.expires_at = read_clock(session) + timedelta(seconds=expires_seconds)
    if new_offset == upload.length:
        upload.status = "finished"
    return upload


def take_upload(session: Session, upload_id: str, *, used_by: str) -> ResumableUpload:
    """Mark a finished upload as used by a dataset or batch, which owns its file from now on.

    Raises NotFound, UploadGone, UploadUsed and UploadUnfinished.
    """
    upload = UploadRepository(session).get(upload_id, lock=True)
    if upload.status == "used":
        raise _used(upload)
    _require_alive(session, upload)
    if upload.status != "finished":
        raise UploadUnfinished(
            f"{upload_id} has received {upload.offset} of {upload.length} bytes; send the rest "
            f"(PATCH /uploads/{upload_id}) first."
        )
    upload.status, upload.used_by = "used", used_by
    return upload


def delete_upload(session: Session, upload_id: str) -> str:
    """Delete an upload; returns the storage key of its file. Raises NotFound, UploadUsed."""
    upload = UploadRepository(session).get(upload_id, lock=True)
    if upload.status == "used":
        raise _used(upload)
    session.delete(upload)
    return upload.storage_key


def delete_expired(session: Session) -> list[str]:
    """Delete expired uploads; returns the storage keys of the files that nothing owns."""
    expired = UploadRepository(session).list_expired(read_clock(session), limit=_EXPIRED_AT_ONCE)
    for upload in expired:
        session.delete(upload)
    return [upload.storage_key for upload in expired if upload.status != "used"]


def _require_alive(session: Session, upload: ResumableUpload) -> None:
    if upload.status != "used" and upload.expires_at <= read_clock(session):
        raise UploadGone(f"{upload.id} expired at {upload.expires_at:%Y-%m-%d %H:%M:%S} UTC.")


def _used(upload: ResumableUpload) -> UploadUsed:
    return UploadUsed(
        f"{upload.id} was used for {upload.used_by}; each upload can be used once. Upload the file "
        "again to use it again."
    )
