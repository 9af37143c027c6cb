"""Whose segments are whose: a desk is one process's, and another's once that process has ended."""

import time
from collections.abc import Collection, Iterable
from typing import Final

from sqreen_mw.agent.delivery.spool.bounds import Bounds
from sqreen_mw.agent.delivery.spool.directory import Segment
from sqreen_mw.agent.delivery.spool.files import remove
from sqreen_mw.agent.delivery.spool.locks import Lock, claim
from sqreen_mw.agent.delivery.spool.names import lock_name, new_desk, segment_name

MOST: Final = 8
"""Desks of others at a time: each takes a file descriptor, of which the app needs the most."""


class Desks:
    """The desks that this process works at: its own, and those of processes that have ended.

    A lock says so; it ends with the process, so that no two ever send the same segment.
    """

    def __init__(self, key: str) -> None:
        self._key: Final = key
        self._own = new_desk()
        self._locks: Final[dict[str, Lock]] = {}
        self._written = 0
        self._current = ""

    def __contains__(self, desk: str) -> bool:
        return desk in self._locks

    def sit_down(self, directory: int) -> None:
        """Lock this process's own desk, anew where its lock was deleted.

        Raises:
            OSError: The lock can't be made.
        """
        lock = self._locks.get(self._own)
        if lock is not None and not lock.lies_at(directory, lock_name(self._key, self._own)):
            self._locks.pop(self._own).release()
        self._claim(directory, self._own)
        if self._own not in self._locks:  # another process took it for one that was left
            self._own = new_desk()
            self._current = ""
            self._claim(directory, self._own)

    def inherit(self, directory: int, desks: Iterable[str]) -> bool:
        """Lock the first few desks whose processes have ended; tell whether those were all.

        Raises:
            OSError: A lock can't be made; then none is.
        """
        if self._own in self._locks:
            self.sit_down(directory)
        before = set(self._locks)
        try:
            for desk in desks:
                if len(self._locks.keys() - {self._own}) >= MOST:
                    return False
                self._claim(directory, desk)
        except OSError:
            for desk in self._locks.keys() - before:
                self._locks.pop(desk).release()
            raise
        return True

    def tidy(self, directory: int, desks: Iterable[str]) -> None:
        """Delete the locks of desks that hold nothing, where the processes have ended.

        Raises:
            OSError: A lock can't be opened or deleted.
        """
        for desk in desks:
            if desk not in self._locks and self.is_left(directory, desk):
                remove(directory, lock_name(self._key, desk))

    def is_left(self, directory: int, desk: str) -> bool:
        """Tell whether no process but this one works there, for as long as the directory is locked.

        Raises:
            OSError: The lock can't be made.
        """
        if desk in self._locks:
            return True
        lock = claim(directory, lock_name(self._key, desk))
        if lock is not None:
            lock.release()
        return lock is not None

    def segment_for(self, segments: Iterable[Segment], *, more: int, bounds: Bounds) -> str:
        """Return the segment that takes so many bytes more: the last one, if it has room."""
        now = time.time_ns() // 1_000_000
        for segment in segments:
            if segment.name == self._current and bounds.fits(segment, more=more, now=now):
                return segment.name
        self._written += 1
        self._current = segment_name(self._key, self._own, began=now, number=self._written)
        return self._current

    def end_segment(self, name: str | None = None) -> None:
        """Write no more to the last segment, or to that one if it is the last."""
        if name in {None, self._current}:
            self._current = ""

    def leave(self, directory: int, *, segments: Collection[Segment], own: bool) -> None:
        """Give up the desks that hold nothing any more.

        Args:
            directory: The directory's descriptor.
            segments: All that are there.
            own: Whether this process's own one is given up as well.

        Raises:
            OSError: A lock's file can't be deleted.
        """
        used = {segment.desk for segment in segments}
        for desk in [each for each in self._locks if each not in used]:
            if own or desk != self._own:
                remove(directory, lock_name(self._key, desk))
                self._locks.pop(desk).release()

    def release(self) -> None:
        """Leave all desks to others."""
        while self._locks:
            self._locks.popitem()[1].release()

    def _claim(self, directory: int, desk: str) -> None:
        if desk not in self._locks and (lock := claim(directory, lock_name(self._key, desk))):
            self._locks[desk] = lock
