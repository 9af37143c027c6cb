"""The lines that taps record, one per call."""

import re
import threading
from contextvars import ContextVar, copy_context

CALLER: ContextVar[str] = ContextVar("transparency_caller")
APP: ContextVar[str] = ContextVar("transparency_app")
OURS = "sqreen_mw_request"

_ADDRESS = re.compile(r"\b(?:0x)?[0-9a-f]{12,16}\b")


class Record:
    """The lines of one request, from both sides, in order.

    Attributes:
        lines: The lines.
        done: Set when the application has returned or raised.
        sent: Objects that the inner side passed on, to recognise them on the outer side.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.done = threading.Event()
        self.sent: list[object] = []
        self._thread: int | None = None

    def add(self, side: str, call: str, *details: object) -> None:
        """Add a line."""
        line = " ".join([side, call, *map(str, details)])
        self.lines.append(_ADDRESS.sub("ADDRESS", line))

    def add_contextvars(self, side: str, call: str) -> None:
        """Add a line with contextvars. Ours may be set only on the inner side."""
        leaked = side != "in" and OURS in {variable.name for variable in copy_context()}
        if self._thread is None:
            self._thread = threading.get_ident()
        same_thread = self._thread == threading.get_ident()
        self.add(side, call, leaked, CALLER.get("unset"), APP.get("unset"), same_thread)

    def is_same(self, value: object) -> bool:
        """Return True if the inner side passed on this very object."""
        return any(value is other for other in self.sent)


class Records:
    """The records of all requests of a process, by the name that the client sends."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    def of(self, name: str) -> Record:
        """Return the record of a request; create it if it is new."""
        return self._records.setdefault(name, Record())


def raised(error: BaseException) -> str:
    """Return an exception as text, with its cause, context and members."""
    inner = getattr(error, "exceptions", ())
    related = [error.__cause__, error.__context__, *inner]
    texts = " < ".join(repr(each) for each in related if each is not None)
    return f"{error!r} {texts}".strip()
