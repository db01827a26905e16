"""The table of resumable uploads (tus), whose bytes are in the storage."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, UtcDateTime, now
from app.db.tables import ID
from app.db.tenant_rows import TenantRow


class ResumableUpload(TenantRow, Base):
    """An upload in parts: the first `offset` of its `length` bytes are durable in the storage.

    status is `receiving`, `finished` or `used`; used_by is the dataset or batch that owns the file
    since. metadata_header is the header Upload-Metadata as it was sent. expires_at is by the
    database's clock and moves with every part.
    """

    __tablename__ = "upload"
    __table_args__ = (Index("ix_upload_expires_at", "expires_at"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    status: Mapped[str] = mapped_column(String(16))
    length: Mapped[int] = mapped_column(BigInteger)
    offset: Mapped[int] = mapped_column(BigInteger)
    metadata_header: Mapped[str] = mapped_column(Text)
    storage_key: Mapped[str] = mapped_column(String(200))
    used_by: Mapped[str | None] = mapped_column(ID)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
