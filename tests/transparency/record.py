"""What taps write down: one line for each thing that a side of the middleware sees."""

import re
import threading
from contextvars import ContextVar, copy_context

CALLER: ContextVar[str] = ContextVar("transparency_caller")
APP: ContextVar[str] = ContextVar("transparency_app")
OURS = "sqreen_mw_request"

_ADDRESS = re.compile(r"\b(?:0x)?[0-9a-f]{12,16}\b")


class Record:
    """The lines of one request, of both sides, in their order.

    Attributes:
        lines: The lines.
        done: Set when the application has returned or raised.
        sent: Objects that the inner side handed out, so that the outer side can tell them again.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.done = threading.Event()
        self.sent: list[object] = []
        self._thread: int | None = None

    def add(self, side: str, what: str, *details: object) -> None:
        """Write a line."""
        line = " ".join([side, what, *map(str, details)])
        self.lines.append(_ADDRESS.sub("ADDRESS", line))

    def add_contextvars(self, side: str, where: str) -> None:
        """Write contextvars: below the middleware ours is one more, above there is none."""
        leaked = side != "in" and OURS in {variable.name for variable in copy_context()}
        if self._thread is None:
            self._thread = threading.get_ident()
        same_thread = self._thread == threading.get_ident()
        self.add(side, where, leaked, CALLER.get("unset"), APP.get("unset"), same_thread)

    def is_same(self, value: object) -> bool:
        """Tell whether the inner side handed out this very object."""
        return any(value is other for other in self.sent)


class Records:
    """The records of all requests that a process has served, by the name that the client gave."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    def of(self, name: str) -> Record:
        """Return the record of a request; there is always one."""
        return self._records.setdefault(name, Record())


def raised(error: BaseException) -> str:
    """Return how an exception is written down: its type and text, and those of its kin."""
    inner = getattr(error, "exceptions", ())
    kin = [error.__cause__, error.__context__, *inner]
    told = " < ".join(repr(each) for each in kin if each is not None)
    return f"{error!r} {told}".strip()
