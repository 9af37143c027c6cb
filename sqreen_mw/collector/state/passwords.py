"""Argon2id password hashes (RFC 9106)."""

import functools
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from sqreen_mw.errors import RefusedError

MIN_PASSWORD_LENGTH: Final = 8
MAX_PASSWORD_LENGTH: Final = 1024

_hasher: Final = PasswordHasher()
_NICENESS: Final = 10


def _lower_priority() -> None:
    # On Linux each thread has its own priority, and the threads that Argon2 starts inherit it.
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


# Each hash uses 64 MiB and several threads for some 50 ms, so only two run at the same time. They
# run at a low priority and without the GIL, so they delay nothing else.
_threads: Final = ThreadPoolExecutor(
    2, thread_name_prefix="sqreen-passwords", initializer=_lower_priority
)


def hash_password(password: str) -> str:
    """Return the hash of a new password.

    Raises:
        RefusedError: The password is too short or too long.
    """
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        raise RefusedError(
            f"a password must have {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters"
        )
    return _threads.submit(_hasher.hash, password).result()


def password_matches(password: str, stored_hash: str | None) -> bool:
    """Return True if a password matches a hash. Without a hash it takes the same time."""
    decoy = _decoy()
    if len(password) > MAX_PASSWORD_LENGTH:
        return False
    try:
        _threads.submit(_hasher.verify, stored_hash or decoy, password).result()
    except (VerificationError, InvalidHashError):
        return False
    return stored_hash is not None


@functools.cache
def _decoy() -> str:
    return _hasher.hash("no user has this hash")
