"""The agent: the calls of a configuration, and one flusher per process."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar, Final

from sqreen_mw.agent.arguments import Arguments
from sqreen_mw.agent.before_send import BeforeSendHook
from sqreen_mw.agent.calls import Stats
from sqreen_mw.agent.config.config import Config
from sqreen_mw.agent.context import RequestContext, SameWhenCopied
from sqreen_mw.agent.delivery.flusher import Flusher
from sqreen_mw.agent.delivery.flusher_config import FlusherConfig
from sqreen_mw.agent.delivery.interfaces import Spool, no_spool
from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.delivery.transports.local import open_transport
from sqreen_mw.agent.guard import Guard, log_off_thread
from sqreen_mw.agent.process.kind import is_first_uwsgi_worker
from sqreen_mw.agent.process.unpatched import Clock, monotonic
from sqreen_mw.agent.sealing import PendingEvent, Sealer
from sqreen_mw.agent.tracker import Tracker
from sqreen_mw.capture.request import Describer
from sqreen_mw.protocol.batch import Envelope
from sqreen_mw.scrubbing.random_words import mask_random_words
from sqreen_mw.version import __version__

SDK: Final = f"sqreen-mw/{__version__}"


def batch_header(config: Config) -> Envelope:
    """Return the fields that all batches of the app share."""
    return Envelope(
        sdk=SDK, app=config.app_name, env=config.environment, release=config.release, events=[]
    )


class Agent(SameWhenCopied):
    """Accepts events and delivers them.

    Attributes:
        config: The settings.
        acting: The agent that handles the calls: this one, or its stand-in during a test.
    """

    ignores_events: ClassVar[bool] = False

    def __init__(
        self,
        config: Config,
        *,
        url: str,
        make_queue: Callable[[], EventQueue] = EventQueue,
        clock: Clock = monotonic,
    ) -> None:
        self.config: Final = config
        self.acting: Agent = self
        self._guard: Final = Guard(
            scrub=config.scrubber.text, scrub_error=mask_random_words, strict=config.strict
        )
        self.suppress_errors: Final = self._guard.suppress_errors
        self._arguments: Final = Arguments(self._guard)
        self._flusher_config: Final = FlusherConfig(
            open_transport=partial(
                open_transport,
                url,
                token=config.token or "",
                user_agent=SDK,
                proxy=config.proxy,
                ca_file=config.ca_file,
            ),
            seal=self._sealer().seal,
            header=batch_header(config),
            interval=config.flush_interval,
            guard=self._guard,
            put_in_child=self._put_in_child,
            sends_heartbeats=True,
            make_queue=make_queue,
            open_spool=_spool_opener(config, self._guard),
            clock=clock,
        )
        self._flusher = Flusher(self._flusher_config)
        self._flushers: Final = {self._flusher.pid: self._flusher}
        self._tracker: Final = Tracker(
            put=self._flusher.put,
            agent=self,
            arguments=self._arguments,
            guard=self._guard,
            ip_header=config.client_ip.header,
        )
        self.report_ignored: Final = self._arguments.report_ignored
        self.track: Final = self._tracker.track
        self.identify: Final = self._tracker.identify
        self.auth_track: Final = self._tracker.auth_track
        self.signup_track: Final = self._tracker.signup_track

    def _sealer(self) -> Sealer:
        config, guard = self.config, self._guard
        hook = None
        if config.before_send is not None:
            hook = BeforeSendHook(
                config.before_send,
                arguments=self._arguments,
                guard=guard,
                scrub=config.scrubber.text,
            )
        describer = Describer(client_ip=config.client_ip, scrubber=config.scrubber)
        return Sealer(describer=describer, before_send=hook, guard=guard)

    @property
    def closed(self) -> bool:
        """Whether this process accepts no more events."""
        return self._of_this_process().closed

    def user_is_banned(self, _: RequestContext | None) -> bool:
        """Return False: blocking users is not implemented yet."""
        return False

    def flush(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds for all events; return False if it timed out."""
        return self._of_this_process().flush(self._arguments.parse_timeout(timeout))

    async def aflush(self, timeout: float) -> bool:
        """Like ``flush``, on the caller's event loop."""
        return await self._of_this_process().aflush(self._arguments.parse_timeout(timeout))

    async def aend_lifespan(self, timeout: float) -> bool:
        """Flush and report the end of this instance; return False if the flush timed out."""
        end = monotonic() + timeout
        is_flushed = await self.aflush(timeout)
        await self._of_this_process().areport_end(max(0.0, end - monotonic()))
        return is_flushed

    def close(self, timeout: float) -> int:
        """Deliver events within ``timeout`` seconds, stop, and return the number of lost ones."""
        return _log_undelivered(
            self._of_this_process().close(self._arguments.parse_timeout(timeout))
        )

    async def aclose(self, timeout: float) -> int:
        """Like ``close``, on the caller's event loop."""
        return _log_undelivered(
            await self._of_this_process().aclose(self._arguments.parse_timeout(timeout))
        )

    def count_lost(self, reason: str, count: int) -> None:
        """Count events that were lost before this agent was created."""
        self._of_this_process().queue.refused(reason, count)

    def stats(self) -> Stats:
        """Return the counts of this process."""
        return self._of_this_process().queue.stats(self._guard.counts)

    def ensure_started(self) -> None:
        """Start the delivery at the first request or at the start of a lifespan.

        Nothing starts while a stand-in handles the calls: a test leaves the app's spool alone.
        """
        if not self._flusher.started and self.acting is self:
            with self._guard.suppress_errors("delivery_start"):
                self._of_this_process().ensure_started()

    def reset_after_fork(self) -> None:
        """Start again in a forked child: events that wait in the parent stay the parent's."""
        with self._guard.suppress_errors("fork"):
            flusher = self._flusher_for_child(self._flusher)
            self._flushers.clear()
            self._flushers[flusher.pid] = flusher
            self._use(flusher)

    def _put_in_child(self, event: PendingEvent) -> bool:
        """Queue the first event of a child whose fork ran no hooks, as uWSGI's does."""
        return self._of_this_process().put(event)

    def _of_this_process(self) -> Flusher:
        """Return the flusher of this process. A forked child has its own."""
        flusher = self._flusher
        pid = os.getpid()
        if flusher.pid != pid:
            # setdefault elects one of several threads that get here at once.
            flusher = self._flushers.setdefault(pid, self._flusher_for_child(flusher))
            self._use(flusher)
        return flusher

    def _use(self, flusher: Flusher) -> None:
        self._flusher = flusher
        self._tracker.put = flusher.put

    def _flusher_for_child(self, parent: Flusher) -> Flusher:
        flusher = Flusher(self._flusher_config)
        if is_first_uwsgi_worker():
            flusher.adopt_queue(parent)
        return flusher


def _spool_opener(config: Config, guard: Guard) -> Callable[[EventQueue], Spool]:
    """Return a function that opens the configured spool.

    Raises:
        ConfigurationError: The spool directory is not safe.
    """
    if config.spool_dir is None:
        return no_spool
    try:
        from sqreen_mw.agent.delivery.spool.sqlite_spool import spool_opener  # noqa: PLC0415 few need it
    except ImportError as error:
        message = "the spool needs Python's sqlite3 module (%s), so events wait in memory only"
        guard.warn("spool", message, error)
        return no_spool
    return spool_opener(
        Path(config.spool_dir),
        app=config.spool_owner,
        size=config.spool_size,
        age=config.spool_age,
        guard=guard,
    )


def _log_undelivered(left_over: int) -> int:
    if left_over:
        # On another thread: SIGTERM may have interrupted this one inside a log handler.
        log_off_thread(f"{left_over} events were not delivered before the exit, they are lost")
    return left_over
