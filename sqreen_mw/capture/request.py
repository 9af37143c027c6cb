"""From the raw values of a request to what its events tell of it."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import parse_qsl

from msgspec import Struct

from sqreen_mw.capture.body import RawBody, body_parameters
from sqreen_mw.capture.client_ip import ClientAddress, ClientIp, Headers
from sqreen_mw.capture.mounts import Mounted, mount_template
from sqreen_mw.capture.scrubs import Scrubs
from sqreen_mw.capture.secret_paths import masked_path
from sqreen_mw.capture.text import clean_text, cut_text, cut_texts
from sqreen_mw.capture.values import Copier, safe_text
from sqreen_mw.protocol.event import Params, RequestInfo
from sqreen_mw.protocol.limits import MAX_PARAMETERS, MAX_TEXT_LENGTH
from sqreen_mw.scrubbing.mask import MASK

PathParams: TypeAlias = Mapping[str, object]

_REMEMBERED: Final = 1024
_LONGEST_REMEMBERED: Final = 256
_LINES_REMEMBERED: Final = 4

MAX_QUERY_BYTES: Final = 16 * 1024
"""Bytes of a query string that are looked at."""


class RawRequest(Struct, frozen=True, kw_only=True):
    """A request's values as the server gave them, unparsed.

    ``headers`` has lower-case names; those that no event tells of may be left out. ``route`` is a
    template that describes the end of the path: ``routed``, or all of it where that is None. What
    is before that template in ``routed`` is ``mount``, as the path has it, and ``mounts`` are the
    templates that it may have.
    """

    verb: str
    path: str
    query: bytes
    headers: Headers
    peer: str | None
    route: str | None
    path_params: PathParams
    routed: str | None = None
    mount: str = ""
    mounts: Sequence[str] = ()
    id: str | None = None
    status: int | None = None


class Located(NamedTuple):
    """Where a request comes from, and whether a proxy that is not trusted says otherwise."""

    address: ClientAddress
    distrusts_proxy: bool


class _Memory:
    """What was found out of short texts, names and addresses: most come again."""

    def __init__(self) -> None:
        self.texts: Final[dict[str, str]] = {}
        self.sensitive: Final[dict[str, bool]] = {}
        self.located: Final[dict[tuple[object, ...], Located]] = {}

    def make_room(self) -> None:
        """Forget what is known, once that is much."""
        for known in (self.texts, self.sensitive, self.located):
            if len(known) >= _REMEMBERED:
                known.clear()


class Describer:
    """Makes descriptions of requests: scrubbed, and never more than the limits admit.

    Attributes:
        client_ip: Finds the client's address.
        scrubber: Masks secrets.
    """

    def __init__(self, *, client_ip: ClientIp, scrubber: Scrubs) -> None:
        self.client_ip: Final = client_ip
        self.scrubber: Final = scrubber
        self._proxies_header: Final = client_ip.header_name
        self._memory: Final = _Memory()

    def describe(self, raw: RawRequest, body: RawBody | None = None) -> RequestInfo:
        """Return what events tell of a request, of its body too where it is given."""
        telling = _Telling(self.scrubber, self._memory)
        text = telling.text
        known = self._memory.texts.get  # spares most texts a call
        address = self.locate(raw).address
        route = self._route(raw)
        path = raw.path if route is None and not raw.path_params else _path(raw, route, telling)
        # Of a field that comes twice, the first line is told.
        fields = dict(reversed(raw.headers))
        user_agent, host = _decoded(fields.get(b"user-agent")), _decoded(fields.get(b"host"))
        return RequestInfo(
            verb=known(raw.verb) or text(raw.verb),
            path=known(path) or text(path),
            id=raw.id,
            ip=address.ip,
            ip_source=address.source,
            user_agent=user_agent and (known(user_agent) or text(user_agent)),
            host=host and (known(host) or text(host)),
            route=telling.template(route),
            status=raw.status,
            params=telling.params(raw, body),
            truncated=telling.truncated,
        )

    def locate(self, raw: RawRequest) -> Located:
        """Return where a request comes from."""
        name = self._proxies_header
        lines = [value for key, value in raw.headers if key == name]
        known = self._memory.located.get((raw.peer, *lines))
        if known is not None:
            return known
        located = Located(
            self.client_ip.resolve(raw.peer, raw.headers),
            self.client_ip.distrusts_proxy(raw.peer, raw.headers),
        )
        if len(lines) <= _LINES_REMEMBERED and sum(map(len, lines)) <= _LONGEST_REMEMBERED:
            self._memory.make_room()
            self._memory.located[raw.peer, *lines] = located
        return located

    def _route(self, raw: RawRequest) -> str | None:
        if raw.route is None or not raw.mount:
            return raw.route
        mounted = Mounted(raw.mount, raw.mounts, raw.route, raw.path_params)
        return f"{mount_template(mounted, self.scrubber)}{raw.route}"


class _Telling:
    """One description under way, which knows whether something was cut."""

    __slots__ = ("_memory", "_scrubber", "truncated")

    def __init__(self, scrubber: Scrubs, memory: _Memory) -> None:
        self._scrubber: Final = scrubber
        self._memory: Final = memory
        self.truncated = False

    def text(self, text: str) -> str:
        told = self._memory.texts.get(text)
        return self._new_text(text) if told is None else told

    def _new_text(self, text: str) -> str:
        if len(text) > MAX_TEXT_LENGTH:
            self.truncated = True
        # A mask may be longer than what it masks: cut in any case.
        told = cut_text(text, MAX_TEXT_LENGTH, self._scrubber.text)
        if told == text and len(text) <= _LONGEST_REMEMBERED:  # no secrets are remembered
            self._memory.make_room()
            self._memory.texts[text] = told
        return told

    def is_sensitive(self, name: str) -> bool:
        known = self._memory.sensitive.get(name)
        if known is None:
            known = self._scrubber.is_sensitive(name)
            if len(name) <= _LONGEST_REMEMBERED:
                self._memory.make_room()
                self._memory.sensitive[name] = known
        return known

    def template(self, template: str | None) -> str | None:
        """Return a route: the app's code, and not what a client sent."""
        if template is None:
            return None
        if len(template) > MAX_TEXT_LENGTH:
            self.truncated = True
        return clean_text(template[:MAX_TEXT_LENGTH])

    def params(self, raw: RawRequest, body: RawBody | None) -> Params:
        query = self._pairs(self._query(raw.query)) if raw.query else {}
        path: dict[str, str] = {}
        if raw.path_params:
            given = _texts(raw.path_params)
            path = {name: values[0] for name, values in self._pairs(given).items()}
        if body is None:
            return Params(query=query, path=path)
        parameters = body_parameters(body)
        self.truncated = self.truncated or parameters.incomplete
        form = self._pairs([*self._query(parameters.query), *parameters.form])
        return Params(query=query, path=path, form=form, json=self._json(parameters.json))

    def _json(self, value: Any) -> Any:
        copier = Copier()
        copied = copier.copy(value)
        if copier.truncated:
            self.truncated = True
            copied = cut_texts(copied, MAX_TEXT_LENGTH, self._scrubber.text)
        return self._scrubber.value(copied)

    def _query(self, query: bytes) -> list[tuple[str, str]]:
        """Return the fields of a query string; the last one of a cut string is left out."""
        looked_at = query
        if len(query) > MAX_QUERY_BYTES:
            self.truncated = True
            looked_at = query[:MAX_QUERY_BYTES].rpartition(b"&")[0]
        text = looked_at.decode("utf-8", "replace")
        fields = text.split("&", MAX_PARAMETERS)
        if len(fields) > MAX_PARAMETERS:
            self.truncated = True
            del fields[MAX_PARAMETERS:]
        if "%" not in text and "+" not in text:
            # As parse_qsl() has it, for what is not encoded: most is not.
            parts = [field.partition("=") for field in fields if field]
            return [(name, value) for name, _, value in parts]
        text = "&".join(fields)
        return parse_qsl(text, keep_blank_values=True, errors="replace")

    def _pairs(self, pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
        if len(pairs) > MAX_PARAMETERS:
            self.truncated = True
            pairs = pairs[:MAX_PARAMETERS]
        sensitive, known = self._memory.sensitive.get, self._memory.texts.get
        parameters: dict[str, list[str]] = {}
        for name, value in pairs:
            masks = sensitive(name)
            if masks is None:
                masks = self.is_sensitive(name)
            told = MASK if masks else known(value) or self.text(value)
            parameters.setdefault(known(name) or self.text(name), []).append(told)
        return parameters


def _decoded(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")


def _texts(values: PathParams) -> list[tuple[str, str]]:
    """Return the first of an app's values as text, and one more."""
    first = islice(values.items(), MAX_PARAMETERS + 1)
    return [(safe_text(name), safe_text(value)) for name, value in first]


def _path(raw: RawRequest, route: str | None, telling: _Telling) -> str:
    return masked_path(
        raw.path,
        route=route,
        routed=raw.routed,
        parameters=raw.path_params,
        is_sensitive=telling.is_sensitive,
    )
