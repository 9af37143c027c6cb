"""Machine instructions of each step of an event of ours, from the app's call to the batch.

Each step is called alone and repeatedly under callgrind. The names of nested steps begin with
"in it".
"""

import gc
import gzip
import math
import tempfile
from collections.abc import Callable
from typing import Final

from msgspec import Raw

from benchmarks.callgrind import begin_counting, instructions, mark, prefix
from benchmarks.child import in_child
from benchmarks.drive.requests import scope
from benchmarks.figures import Figure, Plan
from benchmarks.work import EVENT, PROPERTIES
from sqreen_mw.agent.agent import Agent, batch_header
from sqreen_mw.agent.arguments import Arguments
from sqreen_mw.agent.config.config import load_config
from sqreen_mw.agent.context import RequestContext, reset_current, set_current
from sqreen_mw.agent.delivery.batch import make_batch
from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.requests.asgi import REPORTED_HEADERS, asgi_request
from sqreen_mw.agent.sealing import PendingEvent, SealedEvent, Sealer
from sqreen_mw.agent.tracker import Tracker
from sqreen_mw.capture.client_ip import FORWARDED_FOR
from sqreen_mw.capture.json_copy import plain_json
from sqreen_mw.capture.request import Describer
from sqreen_mw.capture.scrub_event import scrubbed_values
from sqreen_mw.protocol.batch import encode_event
from sqreen_mw.protocol.event import Event
from sqreen_mw.protocol.event_id import new_event_id

URL: Final = "memory://"
CALLS: Final = 100
BATCH: Final = 100
"""Events of the compressed batch; the figures are per event."""

Pieces = dict[str, tuple[Callable[[], object], int]]
"""The function of each step by its name, and the number of events of one call."""


def measure(_plan: Plan) -> list[Figure]:
    """Return the instructions of each step of ours."""
    with tempfile.TemporaryDirectory() as folder:
        names: list[str] = in_child(call_pieces, prefix=prefix(folder))
        counts = [instructions(folder, block) / CALLS for block in range(1, len(names) + 1)]
    nothing = counts[0]
    events = [count for _, count in _pieces().values()]
    values = {
        name: (count - nothing) / of for name, count, of in zip(names, counts, events, strict=True)
    }
    return [Figure(name="instructions an event", values=dict(list(values.items())[1:]))]


def call_pieces() -> list[str]:
    """Call each step between two marks, and return their names."""
    pieces = _pieces()
    for call, _ in pieces.values():
        _repeat(call)
    begin_counting()
    for call, _ in pieces.values():
        gc.collect()
        gc.freeze()
        mark()
        _repeat(call)
        mark()
    return list(pieces)


def _repeat(call: Callable[[], object]) -> None:
    for _ in range(CALLS):
        call()


def _pieces() -> Pieces:
    return {"nothing": (lambda: None, 1), **_of_the_app(), **_of_the_flusher()}


def _of_the_app() -> Pieces:
    agent = Agent(load_config({"url": URL}), url=URL)
    context = _request(agent)
    queue = EventQueue(max_events=10**9, max_bytes=10**12)
    event = _tracked(context)

    asked, names = scope(1), REPORTED_HEADERS | {b"x-forwarded-for"}

    def remade() -> None:
        asgi_request(asked, agent, names).finish()

    return {
        "a request's context, made and let go": (remade, 1),
        "the contextvar, set and reset": (lambda: reset_current(set_current(context)), 1),
        "`track()` with three properties, again": (
            lambda: context.track(EVENT, properties=PROPERTIES),
            1,
        ),
        "in it: its properties copied": (lambda: plain_json(PROPERTIES), 1),
        "in it: its id": (lambda: new_event_id(0), 1),
        "in it: the queue": (lambda: queue.put(event), 1),
    }


def _of_the_flusher() -> Pieces:
    config = load_config({"url": URL})
    agent = Agent(config, url=URL)
    context = _request(agent)
    event = _tracked(context)
    context.finish()
    describer = Describer(client_ip=config.client_ip, scrubber=config.scrubber)
    sealer = Sealer(describer=describer, before_send=None, guard=Guard())
    raw = context.raw_request()
    header = batch_header(config)
    known = Event(id=event.id, name=EVENT, timestamp=0, request=describer.describe(raw))
    data = encode_event(known)
    queue = EventQueue(max_events=10**9, max_bytes=10**12)

    def queued() -> None:
        for _ in range(BATCH):
            queue.put(event)
        for _ in queue.take_ready(math.inf, up_to=math.inf):
            queue.put_sealed(SealedEvent(data, 0.0))
        queue.take_batch()

    def sent() -> None:
        events = [Raw(data) for _ in range(BATCH)]
        batch = make_batch(header, events=events, tracked_at=[0.0] * BATCH)
        gzip.compress(batch.body, compresslevel=1)

    return {
        "sealing": (lambda: sealer.seal(event), 1),
        "in it: the request read": (context.raw_request, 1),
        "in it: the request described and scrubbed": (lambda: describer.describe(raw), 1),
        "in it: the properties scrubbed": (
            lambda: scrubbed_values(event.properties, config.scrubber),
            1,
        ),
        "in it: encoding": (lambda: encode_event(known), 1),
        "the queue, in and out, twice": (queued, BATCH),
        "the batch, encoded and compressed": (sent, BATCH),
    }


def _request(agent: Agent) -> RequestContext:
    return asgi_request(scope(1), agent, REPORTED_HEADERS | {b"x-forwarded-for"})


def _tracked(context: RequestContext) -> PendingEvent:
    """Return the event of a request's ``track()``."""
    events: list[PendingEvent] = []

    def put(event: PendingEvent) -> bool:
        events.append(event)
        return True

    guard = Guard()
    tracker = Tracker(
        put=put,
        agent=context.agent,
        arguments=Arguments(guard),
        guard=guard,
        ip_header=FORWARDED_FOR,
    )
    tracker.track(context, EVENT, options=None, keywords={"properties": PROPERTIES})
    return events[0]
