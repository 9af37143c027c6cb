"""Passwords, stored as salted scrypt hashes (RFC 7914)."""

import hashlib
import secrets
from typing import Final

_SALT_BYTES: Final = 16


def hashed(password: str) -> str:
    """Return the salt and the hash of a password in hexadecimal."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"{salt.hex()}${_scrypt(password, salt).hex()}"


def matches(password: str, stored: str | None) -> bool:
    """Compare a password with a stored one. An unknown account takes the same time."""
    salt, _, digest = (stored or _UNKNOWN).partition("$")
    same = secrets.compare_digest(_scrypt(password, bytes.fromhex(salt)).hex(), digest)
    return same and stored is not None


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


_UNKNOWN: Final = hashed(secrets.token_urlsafe())
