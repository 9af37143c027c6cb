from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.capture.client_ip import LOOPBACK, ClientIp, Networks
from sqreen_mw.capture.request import MAX_QUERY_BYTES, Describer, RawRequest
from sqreen_mw.capture.request_body import RawBody
from sqreen_mw.protocol.batch import decode_event, encode_event
from sqreen_mw.protocol.event import Event, Params, RequestInfo
from sqreen_mw.protocol.event_id import new_event_id
from sqreen_mw.protocol.limits import MAX_PARAMETERS, MAX_TEXT_LENGTH
from sqreen_mw.protocol.mask import MASK
from sqreen_mw.scrubbing.scrubber import Scrubber
from tests.support.strategies import texts

DESCRIBER = Describer(client_ip=ClientIp(trusted=Networks(LOOPBACK)), scrubber=Scrubber())


def raw_request(**changes: Any) -> RawRequest:
    """Return a plain request with some values changed."""
    values: dict[str, Any] = {
        "verb": "GET",
        "path": "/",
        "query": b"",
        "headers": [],
        "peer": "203.0.113.9",
        "route": None,
        "path_params": {},
    }
    return RawRequest(**{**values, **changes})


def described(body: RawBody | None = None, **changes: Any) -> RequestInfo:
    """Return the description of a plain request with some values changed."""
    return DESCRIBER.describe(raw_request(**changes), body)


def test_describes_the_default_properties() -> None:
    """The description contains address, user agent, path, verb, parameters, host and route."""
    info = described(
        verb="POST",
        path="/items/7",
        query=b"tag=a&tag=b&empty=&q=%C3%A9+x",
        headers=[(b"host", b"shop.test"), (b"user-agent", b"curl/8"), (b"cookie", b"secret")],
        route="/items/{id}",
        path_params={"id": 7},
    )

    assert info == RequestInfo(
        verb="POST",
        path="/items/7",
        ip="203.0.113.9",
        ip_source="peer",
        user_agent="curl/8",
        host="shop.test",
        route="/items/{id}",
        params=Params(query={"tag": ["a", "b"], "empty": [""], "q": ["é x"]}, path={"id": "7"}),
    )


def test_missing_values_are_none() -> None:
    """A bare request has no user agent, host, route or parameters."""
    assert described() == RequestInfo(verb="GET", path="/", ip="203.0.113.9")


def test_generated_values_of_ambiguous_names_are_masked() -> None:
    """A session, a code or a signature is masked if it looks generated."""
    secret, code = "8f14e45fceea167a", "SPRING2026"
    query = f"session={secret}&sig={secret}&code={code}&page={secret}".encode()

    assert described(query=query).params.query == {
        "session": [MASK],
        "sig": [MASK],
        "code": [code],
        "page": [secret],
    }


@pytest.mark.parametrize("route", [None, "/invite/{slug}", "/invite/<slug>"])
def test_tokens_after_words_of_a_path_are_masked(route: str | None) -> None:
    """A token after a word such as ``invite`` is masked in the path and in its parameters."""
    secret = "8f14e45fceea167a5a36dedd4bea2543"
    info = described(
        path=f"/invite/{secret}", route=route, path_params={"slug": secret, "lang": "en"}
    )

    assert info.path == f"/invite/{MASK}"
    assert info.params.path == {"slug": MASK, "lang": "en"}


@pytest.mark.parametrize(
    ("path", "route", "shown"),
    [
        ("/number/42/r/5", "/number/{token}/[r]/{id}", MASK),
        ("/pin-7/invite/8f14e45fceea167a5a36dedd4bea2543/5", "^pin-(?P<token>.*)/5", MASK),
        (f"/{'a' * MAX_TEXT_LENGTH}/5", "/{id}", f"/{'a' * (MAX_TEXT_LENGTH - 1)}"),
    ],
)
def test_only_secrets_of_a_hidden_path_are_masked_in_parameters(
    path: str, route: str, shown: str
) -> None:
    """If the whole path is masked or its end is cut, parameters without a secret are kept."""
    slug = "8f14e45fceea167a5a36dedd4bea2543"
    info = described(path=path, route=route, path_params={"id": "5", "slug": slug})

    assert info.path == shown
    assert info.params.path == {"id": "5", "slug": MASK if slug in path else slug}


# Hypothesis knows the constants of the code, so it finds secrets.
harmless = texts.filter(lambda text: DESCRIBER.scrubber.text(text) == text)
names = harmless.filter(lambda name: not DESCRIBER.scrubber.is_sensitive(name))


@given(st.dictionaries(names, st.lists(harmless, min_size=1, max_size=3), max_size=5))
def test_query_is_decoded(parameters: dict[str, list[str]]) -> None:
    """A query string has the parameters that were encoded."""
    query = urlencode(parameters, doseq=True).encode()

    assert described(query=query).params.query == parameters


@given(st.binary(max_size=200), st.binary(max_size=50), st.text(max_size=50))
def test_any_bytes_can_be_described(query: bytes, header: bytes, path: str) -> None:
    """Whatever a client sends, the description can be encoded and decoded."""
    info = described(query=query, path=path, headers=[(b"user-agent", header)])
    event = Event(id=new_event_id(0), name="x", timestamp=0, request=info)

    assert decode_event(encode_event(event)) == event


def test_lone_surrogates_are_replaced() -> None:
    """Characters that are not valid UTF-8 become question marks."""
    assert described(path="/\ud800é").path == "/?é"


def test_long_texts_are_truncated() -> None:
    """A text beyond the limit is cut, and the truncation is marked."""
    long = "x" * (MAX_TEXT_LENGTH + 1)
    changes: list[dict[str, Any]] = [
        {"path": long},
        {"headers": [(b"user-agent", long.encode())]},
        {"query": f"a={long}".encode()},
        {"query": f"{long}=a".encode()},
        {"path_params": {"a": long}},
    ]

    for change in changes:
        info = described(**change)

        assert info.truncated, change
        assert long not in repr(info)


def test_many_parameters_are_truncated() -> None:
    """Parameters beyond the limit are left out, and the truncation is marked."""
    many = {str(index): index for index in range(MAX_PARAMETERS + 1)}

    queried = described(query=urlencode(many).encode())
    routed = described(path_params=many)

    assert len(queried.params.query) == len(routed.params.path) == MAX_PARAMETERS
    assert queried.truncated
    assert routed.truncated


def test_long_query_is_truncated() -> None:
    """Only a bounded part of a query string is parsed."""
    info = described(query=b"&".join([b"a=b"] * MAX_QUERY_BYTES))

    assert info.truncated
    assert len(info.params.query["a"]) == MAX_PARAMETERS


def test_cache_is_bounded_and_contains_no_secrets() -> None:
    """Only a limited number of harmless texts and addresses is cached."""
    describer = Describer(client_ip=ClientIp(trusted=Networks(LOOPBACK)), scrubber=Scrubber())
    for number in range(3000):
        peer = f"198.51.{number >> 8}.{number & 255}"
        describer.describe(raw_request(query=b"q=%d" % number, peer=peer))
    secret = b"q=Bearer+abcdefgh12345678XYZ"
    many = [(b"x-forwarded-for", b"")] * 1000
    describer.describe(raw_request(query=secret, headers=many))

    assert len(describer.cache.texts) <= 1024
    assert len(describer.cache.clients) <= 1024
    assert not any("Bearer" in text for text in describer.cache.texts)
    assert max(map(len, describer.cache.clients)) < 10


def test_long_route_is_truncated() -> None:
    """A route has the length limit of all texts."""
    info = described(route="/" + "x" * MAX_TEXT_LENGTH)

    assert info.route is not None
    assert len(info.route) == MAX_TEXT_LENGTH
    assert info.truncated
