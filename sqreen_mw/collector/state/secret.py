"""Create secrets and hash them for storage."""

import hashlib
import secrets
from typing import Final

_SECRET_BYTES: Final = 32


def new_secret() -> str:
    """Return 256 random bits as hexadecimal text."""
    return secrets.token_hex(_SECRET_BYTES)


def secret_hash(secret: str) -> bytes:
    """Return the SHA-256 hash of a secret. A secret of 256 random bits needs no salt."""
    return hashlib.sha256(secret.encode()).digest()
