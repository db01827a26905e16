"""The error of a backup that cannot be used; only the command line meets it."""

from app.errors import GraftError


class BackupInvalid(GraftError):
    """A backup is damaged, incomplete, or was made by a newer version."""

    code = "BACKUP_INVALID"
