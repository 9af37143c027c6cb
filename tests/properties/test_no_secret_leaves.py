"""From the app's call to the encoded event: no secret leaves, and other values don't change."""

import copy
import json
from typing import Any
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.agent.arguments import Arguments
from sqreen_mw.agent.config.config import Config
from sqreen_mw.agent.context import Identity
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.null import NullAgent
from sqreen_mw.agent.sealing import PendingEvent, Sealer
from sqreen_mw.agent.tracker import Tracker
from sqreen_mw.capture.client_ip import LOOPBACK, ClientIp, Networks
from sqreen_mw.capture.request import Describer
from sqreen_mw.capture.request_body import RawBody
from sqreen_mw.protocol.batch import decode_event
from sqreen_mw.protocol.event import Event
from sqreen_mw.protocol.limits import MAX_EVENT_BYTES
from sqreen_mw.scrubbing.scrubber import Scrubber
from tests.support.samples import StubRequest
from tests.support.strategies import depth

CARD = "4111111111111111"
TOKEN = "ghp" + "_" + "a1B2c3D4e5" * 3 + "f6G7h8"
SECRETS = [CARD, "4111 1111 1111 1111", TOKEN, f"Bearer {TOKEN}"]
CORE = {CARD: CARD, "4111 1111 1111 1111": "1111 1111 1111"}

words = st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=8)
secrets = st.sampled_from(SECRETS)
paddings = st.integers(0, 9000).map(lambda length: "a " * (length // 2))


def planted(secret: str) -> st.SearchStrategy[Any]:
    """Return JSON-like values with a secret as text, key or bytes."""
    texts = st.tuples(paddings, words).map(lambda parts: f"{parts[0]} {secret} {parts[1]}")
    leaves = texts | st.just(secret) | st.just(secret.encode())
    return st.recursive(
        leaves,
        lambda children: (
            st.lists(children, min_size=1, max_size=2)
            | st.dictionaries(words, children, min_size=1, max_size=2)
            | st.dictionaries(st.just(f"key {secret}"), children, min_size=1, max_size=1)
        ),
        max_leaves=3,
    )


class App:
    """The way of an event through the agent, without a network."""

    def __init__(self) -> None:
        self.guard = Guard()
        self.scrubber = Scrubber()
        self.pending: list[PendingEvent] = []
        self.tracker = Tracker(
            put=self.put,
            agent=NullAgent(Config()),
            arguments=Arguments(self.guard),
            guard=self.guard,
            ip_header="x-forwarded-for",
        )
        describer = Describer(
            client_ip=ClientIp(trusted=Networks(LOOPBACK)), scrubber=self.scrubber
        )
        self.sealer = Sealer(describer=describer, before_send=None, guard=self.guard)

    def put(self, event: PendingEvent) -> bool:
        """Receive an event."""
        self.pending.append(event)
        return True

    def encoded(self, context: StubRequest | None, options: dict[str, Any]) -> bytes:
        """Track, seal, and return the bytes."""
        assert self.tracker.track(context, "x", options=options, keywords={})
        data = self.sealer.seal(self.pending.pop())
        assert data is not None
        return data

    def event(self, options: dict[str, Any]) -> Event:
        """Track outside a request, seal, and read back."""
        return decode_event(self.encoded(None, options))


APP = App()


@given(st.data(), secrets)
def test_no_secret_in_the_apps_values_leaves(data: st.DataObject, secret: str) -> None:
    """The bytes contain no secret of properties, identifiers and traits."""
    value = data.draw(planted(secret))
    options = {"properties": {"a": value}, "user_identifiers": {"note": f"{secret} x"}}
    context = StubRequest()
    APP.tracker.identify(context, {"id": 1}, {"trait": value}, keywords={})

    for tracked in (options, {"properties": {"b": 1}}):
        encoded = APP.encoded(context, tracked).decode()

        assert CORE.get(secret, TOKEN) not in encoded


@given(secrets, paddings, words)
def test_no_secret_of_a_request_leaves(secret: str, padding: str, word: str) -> None:
    """A secret in path, query, headers, path parameters and body is masked, at any length."""
    text = f"{padding}{secret} {word}"
    body = RawBody("application/json", json.dumps({word: [text]}).encode(), truncated=False)
    context = StubRequest(
        body,
        path=f"/{text}",
        query=f"{word}={quote(text)}&{quote(text)}=1".encode(),
        headers=[(b"user-agent", text.encode()), (b"host", text.encode())],
        path_params={word: text},
    )

    encoded = APP.encoded(context, {"collect_body": True}).decode()

    assert CORE.get(secret, TOKEN) not in encoded


@given(
    st.sampled_from(["password", "user_password", "newPassword", "X-Api-Key", "secret", "token"]),
    st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=8, max_size=20),
)
def test_no_value_of_a_sensitive_name_leaves(name: str, value: str) -> None:
    """Values of sensitive names are masked in properties, query, form, JSON and path."""
    value = f"zq{value}zq"
    form = RawBody("application/x-www-form-urlencoded", f"{name}={value}".encode(), truncated=False)
    as_json = RawBody("application/json", json.dumps({name: value}).encode(), truncated=False)
    for body in (form, as_json):
        context = StubRequest(
            body,
            path=f"/reset/{value}",
            query=f"{name}={value}".encode(),
            path_params={name: value},
        )
        options = {"properties": {name: value, "nested": [{name: [value]}]}, "collect_body": True}

        assert value not in APP.encoded(context, options).decode()


@given(
    st.sampled_from(["pwd=a&", "token=x ", "4111111111111111 ", "Bearer abcdefghijkl "]),
    st.integers(1, 1200),
)
def test_masked_event_is_accepted(part: str, count: int) -> None:
    """Masks that are longer than their secrets don't exceed the event's limits."""
    text = (part * count)[:8000]
    context = StubRequest(
        RawBody("application/x-www-form-urlencoded", f"a={quote(text)}".encode(), truncated=False),
        path=f"/{text}",
        query=f"{quote(text)}={quote(text)}".encode(),
        headers=[(b"user-agent", text.encode()), (b"host", text.encode())],
        path_params={"a": text},
    )
    options = {
        "properties": {text[:256]: text},
        "user_identifiers": {text[:256]: text[:512]},
        "collect_body": True,
    }
    assert APP.tracker.track(context, (f"x{part}" * 99)[:256], options=options, keywords={})

    data = APP.sealer.seal(APP.pending.pop())

    assert data is not None
    assert decode_event(data).request is not None


def test_end_of_a_long_key_is_kept() -> None:
    """A key that is too long keeps its last word, so it is still sensitive."""
    encoded = APP.encoded(None, {"properties": {"a" * 260 + "_password": "hunter2"}}).decode()

    assert "hunter2" not in encoded


@given(st.recursive(words | st.integers(0, 999) | st.booleans() | st.none(), st.lists))
def test_clean_values_are_unchanged(value: Any) -> None:
    """Values without secrets are delivered unchanged within the limits."""
    event = APP.event({"properties": {"plain": value}})

    if depth(value) <= 5:
        assert event.properties == {"plain": value}


@given(
    st.recursive(
        st.text(max_size=20) | st.binary(max_size=20) | st.floats() | st.integers() | st.none(),
        lambda children: st.lists(children) | st.dictionaries(st.text(max_size=9), children),
        max_leaves=60,
    )
)
def test_any_value_fits_and_is_not_modified(value: Any) -> None:
    """The argument is not modified, and the event fits and can be decoded."""
    before = copy.deepcopy(value)

    data = APP.encoded(None, {"properties": {"any": value}})

    assert len(data) <= MAX_EVENT_BYTES
    assert decode_event(data).name == "x"
    assert repr(value) == repr(before)


def test_secrets_leave_without_the_scrubber() -> None:
    """The tests above can fail."""
    encoded = json.dumps(Identity(identifiers={"a": CARD}, traits={}).identifiers)

    assert CARD in encoded
    for secret in SECRETS:
        assert CORE.get(secret, TOKEN) in f"x {secret} y"
