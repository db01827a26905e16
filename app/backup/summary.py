"""Describe a backup in a sentence."""

from app.backup.manifest import Manifest
from app.space import format_bytes

_NAMED = {"dataset": "datasets", "job": "jobs", "model_version": "model versions"}


def describe_backup(manifest: Manifest) -> str:
    """Return the numbers of things, rows and files, and when and by what it was made."""
    things = [f"{manifest.tables.get(table, 0)} {name}" for table, name in _NAMED.items()]
    return (
        f"{', '.join(things)}: {sum(manifest.tables.values())} rows and {manifest.num_files} files "
        f"({format_bytes(manifest.num_bytes)}) of {manifest.created_at:%Y-%m-%d %H:%M} UTC, by "
        f"Graft {manifest.version}"
    )
