"""The captured events and their assertions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, overload

from sqreen_mw.capture.json_copy import safe_text
from sqreen_mw.protocol.event import Event
from sqreen_mw.testing.differences import differences
from sqreen_mw.testing.report import event_line, report


class CapturedEvents(Sequence[Event]):
    """A list of events. It grows while the capture lasts and does not change afterwards."""

    def __init__(
        self, read: Callable[[], list[Event]], losses: Callable[[], Mapping[str, int]]
    ) -> None:
        """Show the events of a capture.

        Args:
            read: Returns the events so far.
            losses: Returns the number of wrong calls and dropped events by cause.
        """
        self._read = read
        self._losses = losses

    def freeze(self) -> None:
        """Keep the present events."""
        events, losses = self._read(), self._losses()
        self._read, self._losses = lambda: events, lambda: losses

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        return self._read()[index]

    def __len__(self) -> int:
        return len(self._read())

    def __iter__(self) -> Iterator[Event]:
        return iter(self._read())

    def __eq__(self, other: object) -> bool:
        return self._read() == (list(other) if isinstance(other, CapturedEvents) else other)

    __hash__: ClassVar[None]  # type: ignore[assignment]  # mutable, like a list

    def __repr__(self) -> str:
        return f"[{', '.join(event_line(event) for event in self)}]"

    @property
    def names(self) -> list[str]:
        """The events' names, in order."""
        return [event.name for event in self]

    def named(self, name: str) -> list[Event]:
        """Return the events of a name, in order."""
        return [event for event in self if event.name == name]

    def one(self, name: str) -> Event:
        """Return the only event of a name.

        Raises:
            AssertionError: There is none or more than one. The message lists all events.
        """
        __tracebackhide__ = True
        found = self.named(name)
        if len(found) == 1:
            return found[0]
        many = f"{len(found)} events are" if found else "no event is"
        raise AssertionError(
            report(f"{many} named {name!r}, one was expected", self, self._losses())
        )

    def assert_tracked(
        self,
        name: str,
        *,
        properties: Mapping[str, Any] | None = None,
        user_identifiers: Mapping[str, Any] | None = None,
        request: Mapping[str, Any] | None = None,
    ) -> Event:
        """Return the first event of a name that has these values. It may have more values.

        Args:
            name: The event's name.
            properties: Some of its properties, with the values that the app passed.
            user_identifiers: Some of its user's identifiers, with the values that the app passed.
            request: Some fields of its request, such as ``{"path": "/login", "status": 401}``.

        Raises:
            AssertionError: There is none. The message shows the differences of the nearest one
                and lists all events.
        """
        __tracebackhide__ = True
        identifiers = {key: safe_text(value) for key, value in (user_identifiers or {}).items()}
        wanted = {
            "properties": properties,
            "user_identifiers": identifiers,
            "request": request,
        }
        candidates = [(differences(event, wanted), event) for event in self.named(name)]
        if not candidates:
            raise AssertionError(report(f"no event is named {name!r}", self, self._losses()))
        differing, nearest = min(candidates, key=lambda candidate: len(candidate[0]))
        if not differing:
            return nearest
        fault = f"no event named {name!r} is as expected; the nearest one differs:"
        raise AssertionError(report("\n  ".join([fault, *differing]), self, self._losses()))
