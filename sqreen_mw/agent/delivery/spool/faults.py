"""A disk that fails: said once, and nobody else's business."""

from types import TracebackType
from typing import Final

from sqreen_mw.agent.guard import Guard


class DiskFaults:
    """A context that swallows what the disk says, and says it once until that is over."""

    def __init__(self, guard: Guard) -> None:
        self._guard: Final = guard
        self._fails = False

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        if error is None:
            self._fails = False
        elif isinstance(error, OSError):
            self._say(error)
            return True
        return False

    def _say(self, error: OSError) -> None:
        if not self._fails:
            message = "the spool can't be used (%s), so events wait in memory only"
            self._guard.warn("spool", message, error.strerror or error)
        self._fails = True
