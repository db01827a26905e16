"""Ways in which a stored file gets damaged."""

from pathlib import Path


def flip_last_bit(path: Path) -> None:
    """Change a weight; the file is as long as before."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def flip_bytes(path: Path) -> None:
    """Flip all bits of 400 KB of weights; the file is as long as before and can still be read."""
    content = path.read_bytes()
    middle = len(content) // 2
    flipped = bytes(byte ^ 0xFF for byte in content[middle : middle + 400_000])
    path.write_bytes(content[:middle] + flipped + content[middle + 400_000 :])


def overwrite(path: Path) -> None:
    """Overwrite the file in place, from its first byte to its last."""
    num_bytes = path.stat().st_size
    with path.open("r+b") as file:
        file.write(bytes(num_bytes))


def truncate(path: Path) -> None:
    """Truncate the file in place."""
    with path.open("r+b") as file:
        file.truncate(100)
