"""The errors of resumable uploads (tus), independent of HTTP.

InputError
└── TusVersionUnsupported, ChecksumUnsupported, ChecksumMismatch
Conflict
├── UploadOffsetMismatch, UploadLocked       retry after asking for the offset
├── UploadUnfinished, UploadUsed             the upload cannot be used
└── UploadGone                               start again with a new upload
"""

from app.errors import Conflict, InputError


class TusVersionUnsupported(InputError):
    """The header Tus-Resumable is missing or names another version than 1.0.0."""

    code = "TUS_VERSION_UNSUPPORTED"


class ChecksumUnsupported(InputError):
    """The algorithm of Upload-Checksum is not supported."""

    code = "CHECKSUM_UNSUPPORTED"


class ChecksumMismatch(InputError):
    """The bytes that arrived do not have the checksum that was sent with them."""

    code = "CHECKSUM_MISMATCH"


class UploadOffsetMismatch(Conflict):
    """Upload-Offset is not the offset of the upload."""

    code = "UPLOAD_OFFSET_MISMATCH"


class UploadLocked(Conflict):
    """Another request is sending bytes of this upload."""

    code = "UPLOAD_LOCKED"


class UploadUnfinished(Conflict):
    """The upload has not received all its bytes yet."""

    code = "UPLOAD_UNFINISHED"


class UploadUsed(Conflict):
    """A dataset or batch was already created from the upload."""

    code = "UPLOAD_USED"


class UploadGone(Conflict):
    """The upload has expired, or its bytes are lost."""

    code = "UPLOAD_GONE"
