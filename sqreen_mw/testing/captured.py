"""The events of a capture, and what a test asserts of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, overload

from sqreen_mw.protocol.event import Event
from sqreen_mw.testing.differences import differences
from sqreen_mw.testing.report import event_line, report


class CapturedEvents(Sequence[Event]):
    """A list of events that grows while its capture lasts, and stays as it is afterwards."""

    def __init__(
        self, read: Callable[[], list[Event]], losses: Callable[[], Mapping[str, int]]
    ) -> None:
        """Show what is captured.

        Args:
            read: Returns the events so far.
            losses: Counts what did not become an event, by the cause.
        """
        self._read = read
        self._losses = losses

    def freeze(self) -> None:
        """Keep the events of this moment."""
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

    __hash__: ClassVar[None]  # type: ignore[assignment]  # as a list, it changes

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
            AssertionError: There is none, or more than one; the message lists what was tracked.
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
        """Return the first event of a name that has these values, and perhaps others.

        Args:
            name: The event's name.
            properties: Some of its properties, as the app gave them.
            user_identifiers: Some of its user's identifiers.
            request: Some fields of its request, such as ``{"path": "/login", "status": 401}``.

        Raises:
            AssertionError: There is none; the message says how the nearest one differs, and lists
                what was tracked.
        """
        __tracebackhide__ = True
        wanted = {
            "properties": properties,
            "user_identifiers": user_identifiers,
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
