"""Lock a store, because two collectors would give the same sequence numbers."""

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from sqreen_mw.errors import StoreError

LOCK_SECONDS: Final = 10.0
"""Seconds to wait for another collector that is ending."""

_PAUSE: Final = 0.05


class StoreLock:
    """A lock on a store. The system unlocks it at the end of the process.

    Args:
        path: The store's main file. Its folder exists.
        seconds: Seconds to wait until another process closes the store.

    Raises:
        StoreError: Another process uses the store.
    """

    def __init__(self, path: Path, *, seconds: float) -> None:
        file = path.with_name(f"{path.name}-lock")
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        end = time.monotonic() + seconds
        while not self._try():
            if time.monotonic() >= end:
                self.close()
                raise StoreError(
                    f"another collector uses {path}: stop it, or choose another --data-dir"
                )
            time.sleep(_PAUSE)

    def close(self) -> None:
        """Let another process use the store."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _try(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
