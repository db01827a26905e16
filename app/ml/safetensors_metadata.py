"""Read the metadata of a safetensors file from its bytes."""

import json

_LENGTH_BYTES = 8


def read_metadata(content: bytes) -> dict[str, str]:
    """Return the metadata of a safetensors file; raises ValueError for other bytes.

    The format is eight bytes (the length of a JSON object, little-endian), then the object.
    """
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    header = json.loads(content[_LENGTH_BYTES : _LENGTH_BYTES + length])
    metadata = header.get("__metadata__", {}) if isinstance(header, dict) else None
    if not isinstance(metadata, dict):
        raise ValueError("The file has no safetensors header.")  # noqa: TRY004 - as json.loads
    return metadata
