"""From the raw values of a request to what its events tell of it."""

from collections.abc import Mapping
from itertools import islice
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from msgspec import Struct

from sqreen_mw.capture.client_ip import ClientIp, Headers
from sqreen_mw.capture.text import clean_text
from sqreen_mw.protocol.event import Params, RequestInfo
from sqreen_mw.protocol.limits import MAX_PARAMETERS, MAX_TEXT_LENGTH

MAX_QUERY_BYTES: Final = 16 * 1024
"""Bytes of a query string that are looked at."""


class RawRequest(Struct, frozen=True, kw_only=True):
    """A request's values as the server gave them, unparsed.

    ``headers`` has lower-case names; those that no event tells of may be left out.
    """

    verb: str
    path: str
    query: bytes
    headers: Headers
    peer: str | None
    route: str | None
    path_params: Mapping[str, object]


class _Cut(NamedTuple):
    value: str
    cut: bool


def describe(raw: RawRequest, client_ip: ClientIp) -> RequestInfo:
    """Return what events tell of a request; it is never more than the limits admit."""
    address = client_ip.resolve(raw.peer, raw.headers)
    verb, path = _cut(raw.verb), _cut(raw.path)
    user_agent = _header(raw.headers, b"user-agent")
    host = _header(raw.headers, b"host")
    query, query_cut = _query(raw.query)
    path_params, path_cut = _path_params(raw.path_params)
    texts = (verb, path, user_agent, host)
    return RequestInfo(
        verb=verb.value,
        path=path.value,
        ip=address.ip,
        ip_source=address.source,
        user_agent=user_agent and user_agent.value,
        host=host and host.value,
        route=None if raw.route is None else _cut(raw.route).value,
        params=Params(query=query, path=path_params),
        truncated=query_cut or path_cut or any(text.cut for text in texts if text),
    )


def _cut(text: str) -> _Cut:
    value = clean_text(text[:MAX_TEXT_LENGTH])
    return _Cut(value, len(text) > MAX_TEXT_LENGTH)


def _header(headers: Headers, name: bytes) -> _Cut | None:
    for key, value in headers:
        if key == name:
            return _cut(value.decode("utf-8", "replace"))
    return None


def _query(query: bytes) -> tuple[dict[str, list[str]], bool]:
    """Return the parameters of a query string, and whether some were left out or cut."""
    fields = query[:MAX_QUERY_BYTES].split(b"&", MAX_PARAMETERS)
    text = b"&".join(fields[:MAX_PARAMETERS]).decode("utf-8", "replace")
    pairs = parse_qsl(text, keep_blank_values=True, errors="replace")
    parameters: dict[str, list[str]] = {}
    cut = len(query) > MAX_QUERY_BYTES or len(fields) > MAX_PARAMETERS
    for name, value in pairs:
        kept_name, kept_value = _cut(name), _cut(value)
        parameters.setdefault(kept_name.value, []).append(kept_value.value)
        cut = cut or kept_name.cut or kept_value.cut
    return parameters, cut


def _path_params(values: Mapping[str, object]) -> tuple[dict[str, str], bool]:
    parameters: dict[str, str] = {}
    cut = len(values) > MAX_PARAMETERS
    for name, value in islice(values.items(), MAX_PARAMETERS):
        kept = _cut(str(value))
        parameters[str(name)[:MAX_TEXT_LENGTH]] = kept.value
        cut = cut or kept.cut
    return parameters, cut
