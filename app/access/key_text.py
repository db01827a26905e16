"""The text of API keys: `gk_<id>_<secret>`.

The secret has 256 random bits, so nobody can guess it or find it from its sha256 by trying. A slow
hash such as argon2 protects passwords, which have far fewer; here it would only cost time.
"""

import re
import secrets
from hashlib import sha256
from hmac import compare_digest
from typing import NamedTuple

from app.db.base import new_id

_KEY = re.compile(r"gk_([0-9a-z]{24})_([0-9a-f]{64})", re.ASCII)
_NO_HASH = "0" * 64


class KeyText(NamedTuple):
    """The two parts of a key: the id of its row, and its secret."""

    id: str
    secret: str

    def __str__(self) -> str:
        return f"gk_{self.id.removeprefix('key_')}_{self.secret}"


def make_key() -> KeyText:
    """Return a new key."""
    return KeyText(new_id("key"), secrets.token_hex(32))


def parse_key(text: str) -> KeyText | None:
    """Return the parts of a key; None if the text is not one."""
    found = _KEY.fullmatch(text)
    return KeyText(f"key_{found[1]}", found[2]) if found else None


def hash_secret(secret: str) -> str:
    """Return what is stored of a secret."""
    return sha256(secret.encode()).hexdigest()


def is_right(secret: str, stored_hash: str | None) -> bool:
    """Compare a secret with a stored hash in constant time; without one, just as long."""
    return compare_digest(hash_secret(secret), stored_hash or _NO_HASH)
