"""Delete stored files without a reference, left by crashes, deletions and expired leases."""

import logging

from app.backup.references import list_referenced_keys
from app.datasets.thumbnail_names import find_image_key
from app.db.session import Database
from app.storage import Storage
from app.uploads import service as uploads

log = logging.getLogger(__name__)


def sweep(database: Database, storage: Storage, *, min_age_seconds: float) -> int:
    """Delete unreferenced files older than min_age_seconds; return their number.

    Younger files are kept, because the attempt that wrote them may still commit a reference. A
    thumbnail is deleted when its image is. Expired uploads are deleted as well, and not counted.
    """
    with database.transaction() as session:
        expired = uploads.delete_expired(session)
    for key in expired:
        storage.delete(key)
    old = list(storage.list_keys(older_than_seconds=min_age_seconds))
    if not old:
        return 0
    with database.reading() as session:
        referenced = list_referenced_keys(session)
    # Listed again, because an ingestion may have renewed an old image that it will refer to.
    still_old = set(storage.list_keys(older_than_seconds=min_age_seconds))
    unreferenced = [
        key for key in old if (find_image_key(key) or key) not in referenced and key in still_old
    ]
    for key in unreferenced:
        storage.delete(key)
    if unreferenced:
        log.info("deleted %s unreferenced files", len(unreferenced))
    return len(unreferenced)
