"""How the files of a spool are named: whose they are, when they began, and who writes them."""

import os
import re
import secrets
from hashlib import blake2b
from typing import Final, NamedTuple

_FORM: Final = re.compile(
    r"(?P<key>[0-9a-f]{12})-(?P<began>\d{13})-(?P<desk>\d+\.[0-9a-f]{8})-\d{6}\.segment", re.ASCII
)
_LOCK: Final = re.compile(r"(?P<key>[0-9a-f]{12})-(?P<desk>\d+\.[0-9a-f]{8})\.lock", re.ASCII)


class SegmentName(NamedTuple):
    """What a segment's name tells: when it began (milliseconds), its name, and its desk."""

    began: int
    name: str
    desk: str


def key_of(owner: str) -> str:
    """Return what marks the files of one app: another's are left alone."""
    return blake2b(owner.encode("utf-8", "replace"), digest_size=6).hexdigest()


def new_desk() -> str:
    """Return a name for one process's files, which no other process has."""
    return f"{os.getpid()}.{secrets.token_hex(4)}"


def segment_name(key: str, desk: str, *, began: int, number: int) -> str:
    """Return the name of a desk's segment."""
    return f"{key}-{began:013d}-{desk}-{number:06d}.segment"


def lock_name(key: str, desk: str) -> str:
    """Return the name of the file that is locked by who works at a desk."""
    return f"{key}-{desk}.lock"


def read_segment_name(name: str, key: str) -> SegmentName | None:
    """Return what a file's name tells, or None where it is no segment of that key."""
    found = _FORM.fullmatch(name)
    if found is None or found["key"] != key:
        return None
    return SegmentName(began=int(found["began"]), name=name, desk=found["desk"])


def desk_of_lock(name: str, key: str) -> str | None:
    """Return the desk that a file is the lock of, or None."""
    found = _LOCK.fullmatch(name)
    return found["desk"] if found is not None and found["key"] == key else None
