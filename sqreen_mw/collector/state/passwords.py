"""Argon2id password hashes (RFC 9106)."""

import functools
import threading
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from sqreen_mw.errors import RefusedError

MIN_PASSWORD_LENGTH: Final = 8
MAX_PASSWORD_LENGTH: Final = 1024

_hasher: Final = PasswordHasher()
# Each hash uses 64 MiB, so only two run at the same time.
_limit: Final = threading.BoundedSemaphore(2)


def hash_password(password: str) -> str:
    """Return the hash of a new password.

    Raises:
        RefusedError: The password is too short or too long.
    """
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        raise RefusedError(
            f"a password must have {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters"
        )
    with _limit:
        return _hasher.hash(password)


def password_matches(password: str, stored_hash: str | None) -> bool:
    """Return True if a password matches a hash. Without a hash it takes the same time."""
    decoy = _decoy()
    if len(password) > MAX_PASSWORD_LENGTH:
        return False
    with _limit:
        try:
            _hasher.verify(stored_hash or decoy, password)
        except (VerificationError, InvalidHashError):
            return False
    return stored_hash is not None


@functools.cache
def _decoy() -> str:
    return _hasher.hash("no user has this hash")
