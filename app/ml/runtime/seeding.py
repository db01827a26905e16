"""Independent random streams from one seed."""

import hashlib


def derive_seed(*parts: int | str) -> int:
    """A 63-bit seed that depends on every part and nothing else: (seed, "shuffle", epoch), ….

    Hashed, because torch's generators use 32 bits of a seed: neighbouring epochs and images would
    otherwise share streams after a shift.
    """
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
