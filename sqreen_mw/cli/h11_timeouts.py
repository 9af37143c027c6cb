"""uvicorn's HTTP/1.1 connection with time limits for slow clients, which uvicorn lacks.

The collector uses no other implementation, because each would need the same rules.
"""

import asyncio
from typing import ClassVar, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from sqreen_mw.collector.api.problems import ProblemError

_SLOW_HEAD: Final = "the head of the request did not arrive in time: send it at once"
_SLOW_BODY: Final = "the body of the request stopped arriving: send it without pauses"


class TimedH11Protocol(H11Protocol):
    """A connection that ends if a request arrives too slowly.

    Attributes:
        head_seconds: Seconds from the end of the request before to the end of a head.
        body_seconds: Seconds without a byte of a body.
    """

    head_seconds: ClassVar[float] = 10.0
    body_seconds: ClassVar[float] = 30.0

    _timer: asyncio.TimerHandle | None = None
    _waits_for_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # like its base class
        """Wait for the first head."""
        super().connection_made(transport)
        self._restart_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read bytes of a head or a body."""
        super().data_received(data)
        self._restart_timer()

    def on_response_complete(self) -> None:
        """Wait for the next head."""
        super().on_response_complete()
        self._restart_timer()

    def send_400_response(self, msg: str) -> None:
        """Refuse bytes that are not HTTP."""
        self._refuse(400, msg)

    def _restart_timer(self) -> None:
        """Start the timer of the awaited part. That of a head runs until the head is complete."""
        waits_for_head = self.conn.their_state is h11.IDLE
        if waits_for_head and self._waits_for_head:
            return
        self._stop_timer()
        if self.transport.is_closing():
            return
        self._waits_for_head = waits_for_head
        if waits_for_head:
            self._timer = self.loop.call_later(self.head_seconds, self._refuse, 408, _SLOW_HEAD)
        elif self.conn.their_state is not h11.SEND_BODY:
            return
        elif self.flow.read_paused or self.cycle.waiting_for_100_continue:
            # The client waits for the collector.
            self._timer = self.loop.call_later(self.body_seconds, self._restart_timer)
        else:
            self._timer = self.loop.call_later(self.body_seconds, self._refuse, 408, _SLOW_BODY)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._waits_for_head = None, False

    def _refuse(self, status: int, detail: str) -> None:
        """Answer with a problem, if no answer has started, and close the connection."""
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            answer = ProblemError(status, detail).response()
            headers = [*answer.raw_headers, (b"connection", b"close")]
            for event in (
                h11.Response(status_code=status, headers=headers),
                h11.Data(data=bytes(answer.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()
