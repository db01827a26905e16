"""Derive independent random streams from one seed."""

import hashlib


def derive_seed(*parts: int | str) -> int:
    """Return a 63-bit seed that is a function of all parts, for example (seed, "shuffle", epoch).

    The parts are hashed because torch's generators use 32 bits of a seed: neighbouring epochs and
    images would otherwise share streams after a shift.
    """
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
