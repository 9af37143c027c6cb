"""What a configuration amounts to: a tracker, and a flusher for each process that tracks."""

import os
from functools import partial
from typing import Final

from sqreen_mw.agent.config import Config
from sqreen_mw.agent.delivery.buffer import Stats
from sqreen_mw.agent.delivery.flusher import Delivery, Flusher
from sqreen_mw.agent.delivery.schemes import open_transport
from sqreen_mw.agent.guard import Guard, logger
from sqreen_mw.agent.pending import PendingEvent
from sqreen_mw.agent.sealing import Sealer
from sqreen_mw.agent.tracker import Tracker
from sqreen_mw.protocol.batch import Envelope
from sqreen_mw.version import __version__

SDK: Final = f"sqreen-mw/{__version__}"


class Agent:
    """Takes events and delivers them to where the configuration says.

    Attributes:
        config: The settings that it is made of.
        client_ip: How a request's address is found.
        tracker: Takes the events.
        header: What each batch says of the app.
    """

    def __init__(self, config: Config, *, url: str) -> None:
        self.config: Final = config
        self.client_ip: Final = config.client_ip
        self._guard: Final = Guard()
        self.tracker: Final = Tracker(put=self._put, guard=self._guard)
        sealer = Sealer(client_ip=config.client_ip, guard=self._guard)
        self.header: Final = Envelope(
            sdk=SDK, app=config.app_name, env=config.environment, release=config.release, events=[]
        )
        self._delivery: Final = Delivery(
            open_transport=partial(open_transport, url, token=config.token or "", user_agent=SDK),
            seal=sealer.seal,
            header=self.header,
            interval=config.flush_interval,
            guard=self._guard,
        )
        self._flusher = Flusher(self._delivery)
        self._flushers: Final = {self._flusher.pid: self._flusher}

    def flush(self, timeout: float) -> bool:
        """Wait until what was tracked is settled, at most ``timeout`` seconds; False if not."""
        return self._of_this_process().flush(timeout)

    def close(self, timeout: float) -> int:
        """Deliver what waits within ``timeout`` seconds, and return how many events were lost."""
        left_over = self._of_this_process().close(timeout)
        if left_over:
            message = "%d events were not delivered within the %.1f s that an exit may take"
            logger.warning(message, left_over, timeout)
        return left_over

    def stats(self) -> Stats:
        """Return what became of every event of this process."""
        return self._of_this_process().buffer.stats(self._guard.counts)

    def _put(self, event: PendingEvent) -> bool:
        return self._of_this_process().put(event)

    def _of_this_process(self) -> Flusher:
        """Return this process's flusher; a forked child starts afresh, its parent keeps its own."""
        flusher = self._flusher
        pid = os.getpid()
        if flusher.pid != pid:
            # setdefault elects one of the threads that come here together.
            flusher = self._flushers.setdefault(pid, Flusher(self._delivery))
            self._flusher = flusher
        return flusher
