"""Secrets that are shown once and kept as hashes."""

import hashlib
import secrets
from typing import Final

_SECRET_BYTES: Final = 32


def new_secret() -> str:
    """Return 256 bits from the operating system, as hexadecimal text."""
    return secrets.token_hex(_SECRET_BYTES)


def secret_hash(secret: str) -> bytes:
    """Return the SHA-256 hash of a secret; at 256 random bits it needs no salt and no cost."""
    return hashlib.sha256(secret.encode()).digest()
