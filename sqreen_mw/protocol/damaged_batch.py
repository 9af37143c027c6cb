"""Find the events of a batch that contains undecodable ones.

The JSON decoder rejects a whole batch at the first byte that is not JSON, such as NaN or half of a
surrogate pair. This module reads only quotes, brackets and commas, which mark the start and the end
of each event. Each event is then decoded alone. Limits keep hostile batches cheap.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqreen_mw.errors import TooManyEventsError
from sqreen_mw.protocol.limits import MAX_BATCH_EVENTS

MAX_BRACKETS: Final = 100_000
"""Maximum number of brackets. Those without a text or a comma between them are one."""

_MAX_MEMBERS: Final = 100
"""Maximum number of members of a batch, which has eight at most."""

# Possessive repetitions are several times faster: the match never goes back.
_TEXT: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_SPACES: Final = re.compile(rb"[ \t\r\n]*")
_PLAIN_VALUE: Final = re.compile(rb'%b|[^ \t\r\n",:\[\]{}]+' % _TEXT, re.DOTALL)
_NO_BRACKETS: Final = re.compile(rb'(?:[^",\[\]{}]*+%b)*+[^",\[\]{}]*+' % _TEXT, re.DOTALL)
_BRACKETS: Final = re.compile(
    rb'(?:[^"\[\]{}]*+%b)*+[^"\[\]{}]*+(?:(?P<opened>[\[{]+)|(?P<closed>[\]}]+))' % _TEXT, re.DOTALL
)


class SplitLimitError(Exception):
    """A batch has too many brackets to find its events."""


@dataclass(frozen=True, slots=True)
class SplitBatch:
    """A batch without its events, and the bytes of each event."""

    envelope: bytes
    events: list[bytes]


def split_batch(data: bytes) -> SplitBatch:
    """Split a batch at its events.

    Raises:
        ValueError: The bytes are not an object with a list of events.
        TooManyEventsError: There are too many events.
        SplitLimitError: There are too many brackets.
    """
    scanner = _Scanner(data)
    members: list[bytes] = []
    events: list[bytes] | None = None
    scanner.expect(b"{")
    for _ in range(_MAX_MEMBERS):
        name = scanner.value()
        scanner.expect(b":")
        if name == b'"events"':
            events = list(scanner.elements())
            members.append(name + b":[]")
        else:
            members.append(name + b":" + scanner.value())
        if not scanner.accept(b","):
            break
    scanner.expect(b"}")
    scanner.expect(b"")
    if events is None:
        raise ValueError("there are no events")
    return SplitBatch(b"{%b}" % b",".join(members), events)


class _Scanner:
    """Reads JSON values from left to right without decoding them."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._brackets = 0

    def accept(self, character: bytes) -> bool:
        """Skip spaces, then a character if it is the next one. b"" is the end of the data."""
        self._skip_spaces()
        found = self._data[self._position : self._position + 1] == character
        self._position += found
        return found

    def expect(self, character: bytes) -> None:
        """Skip spaces and a character.

        Raises:
            ValueError: Another character is next.
        """
        if not self.accept(character):
            raise ValueError(f"{character!r} is missing at byte {self._position}")

    def elements(self) -> Iterator[bytes]:
        """Yield the bytes between the commas of an array. They need not be a value."""
        self.expect(b"[")
        if self.accept(b"]"):
            return
        for _ in range(MAX_BATCH_EVENTS):
            yield self._element()
            if not self.accept(b","):
                self.expect(b"]")
                return
        raise TooManyEventsError(f"the batch has more than {MAX_BATCH_EVENTS} events")

    def value(self) -> bytes:
        """Return the bytes of the next value.

        Raises:
            ValueError: There is no value.
        """
        self._skip_spaces()
        start = self._position
        if self._data[start : start + 1] in {b"[", b"{"}:
            self._position = self._end_of_brackets()
        else:
            found = _PLAIN_VALUE.match(self._data, start)
            if found is None:
                raise ValueError(f"a value is missing at byte {start}")
            self._position = found.end()
        return self._data[start : self._position]

    def _element(self) -> bytes:
        start = self._position
        while found := _NO_BRACKETS.match(self._data, self._position):  # pragma: no branch - always
            self._position = found.end()
            if self._data[self._position : self._position + 1] not in {b"[", b"{"}:
                break
            self._position = self._end_of_brackets()
        return self._data[start : self._position].strip(b" \t\r\n")

    def _end_of_brackets(self) -> int:
        depth, position = 0, self._position
        while found := _BRACKETS.match(self._data, position):
            self._brackets += 1
            if self._brackets > MAX_BRACKETS:
                raise SplitLimitError(f"it has more than {MAX_BRACKETS} brackets")
            position = found.end()
            if found["opened"]:
                depth += len(found["opened"])
            else:
                depth -= len(found["closed"])
                if depth <= 0:
                    return position + depth  # The rest of the brackets is outside.
        raise ValueError(f"a bracket is not closed at byte {self._position}")

    def _skip_spaces(self) -> None:
        found = _SPACES.match(self._data, self._position)
        self._position = found.end() if found else self._position
