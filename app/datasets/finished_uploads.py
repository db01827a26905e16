"""Use a finished resumable upload as the archive of a dataset or batch."""

from sqlalchemy.orm import Session

from app.datasets.archive.formats import SNIFF_BYTES, sniff
from app.db.upload_table import ResumableUpload
from app.storage import Storage
from app.upload_errors import UploadGone
from app.uploads.service import take_upload


def take_archive(
    session: Session, storage: Storage, upload_id: str, *, used_by: str
) -> ResumableUpload:
    """Take a finished upload; its file belongs to the dataset or batch once this is committed.

    Raises what `take_upload` raises, and ArchiveInvalid or ArchiveUnsupported by the first bytes;
    then the upload is still unused.
    """
    upload = take_upload(session, upload_id, used_by=used_by)
    try:
        with storage.path(upload.storage_key).open("rb") as file:
            first_bytes = file.read(SNIFF_BYTES)
    except FileNotFoundError as error:
        raise UploadGone(f"The bytes of {upload_id} are lost; upload it again.") from error
    sniff(first_bytes)
    return upload
