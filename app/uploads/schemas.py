"""Parse and write the headers of tus 1.0 (https://tus.io/protocols/resumable-upload)."""

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from app.errors import InputProblem, ValidationFailed
from app.upload_errors import ChecksumUnsupported

VERSION = "1.0.0"
EXTENSIONS = ("creation", "creation-with-upload", "checksum", "expiration", "termination")
CONTENT_TYPE = "application/offset+octet-stream"
MAX_METADATA_CHARACTERS = 4096

ALGORITHMS: dict[str, Callable[[], Any]] = {
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
}
"""The algorithms of Upload-Checksum; tus requires sha1."""


@dataclass(frozen=True)
class Checksum:
    """The checksum of one request's bytes."""

    algorithm: str
    digest: bytes


def parse_checksum(header: str | None) -> Checksum | None:
    """Parse Upload-Checksum, such as `sha256 47DEQpj8HBSa+…`; None without the header.

    Raises ChecksumUnsupported and ValidationFailed.
    """
    if header is None:
        return None
    algorithm, _, encoded = header.partition(" ")
    if algorithm not in ALGORITHMS:
        raise ChecksumUnsupported(
            f"The checksum algorithm is '{algorithm[:40]}'; it must be {' or '.join(ALGORITHMS)}."
        )
    try:
        digest = base64.b64decode(encoded.strip(), validate=True)
    except (ValueError, binascii.Error):
        digest = b""
    size = ALGORITHMS[algorithm]().digest_size
    if len(digest) != size:
        raise _wrong("upload-checksum", f"The digest must be the Base64 of {size} bytes.")
    return Checksum(algorithm, digest)


def parse_metadata(header: str) -> dict[str, str]:
    """Parse Upload-Metadata, such as `filename YW50cy56aXA=,is_private`; raises ValidationFailed.

    Keys are unique; values are UTF-8 and may be empty.
    """
    if len(header) > MAX_METADATA_CHARACTERS:
        raise _wrong(
            "upload-metadata",
            f"It has {len(header)} characters; at most {MAX_METADATA_CHARACTERS} are allowed.",
        )
    found: dict[str, str] = {}
    for pair in header.split(",") if header.strip() else ():
        key, _, encoded = pair.strip().partition(" ")
        if not key or not key.isascii() or key in found:
            raise _wrong(
                "upload-metadata", "Each key must be a different word of ASCII characters."
            )
        try:
            value = base64.b64decode(encoded.strip(), validate=True).decode()
        except ValueError as error:
            raise _wrong(
                "upload-metadata", f"The value of '{key[:40]}' is not the Base64 of UTF-8 text."
            ) from error
        if "\0" in value:
            raise _wrong("upload-metadata", f"The value of '{key[:40]}' holds the character NUL.")
        found[key] = value
    return found


def format_expiry(moment: datetime) -> str:
    """Return a time for Upload-Expires (RFC 9110, HTTP-date)."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _wrong(name: str, message: str) -> ValidationFailed:
    return ValidationFailed(InputProblem(("header", name), f"{name}: {message}"))
