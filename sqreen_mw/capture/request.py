"""From the raw values of a request to what its events tell of it."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import unquote_plus

from msgspec import Struct

from sqreen_mw.capture.body import RawBody, body_parameters
from sqreen_mw.capture.client_ip import ClientAddress, ClientIp, Headers
from sqreen_mw.capture.json_copy import Copier, safe_text
from sqreen_mw.capture.path_masking import Mounted, masked_path, mount_template
from sqreen_mw.capture.routes import template_names
from sqreen_mw.capture.text import clean_text, truncate, truncate_texts
from sqreen_mw.protocol.event import Params, RequestInfo
from sqreen_mw.protocol.limits import MAX_PARAMETERS, MAX_TEXT_LENGTH
from sqreen_mw.scrubbing.interface import ScrubberProtocol
from sqreen_mw.scrubbing.mask import MASK

PathParams: TypeAlias = Mapping[str, object]

_REMEMBERED: Final = 1024
_LONGEST_REMEMBERED: Final = 256
_LINES_REMEMBERED: Final = 4
_PARAMETERS_REMEMBERED: Final = 16

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


class ClientLookup(NamedTuple):
    """Where a request comes from, and whether a proxy that is not trusted says otherwise."""

    address: ClientAddress
    ignores_proxy_header: bool


class _Memory:
    """What was found out of short texts, names and addresses: most come again."""

    def __init__(self) -> None:
        self.texts: Final[dict[str | bytes, str]] = {}
        self.fields: Final[dict[str, tuple[str, str]]] = {}
        self.sensitive: Final[dict[str, bool]] = {}
        self.located: Final[dict[tuple[object, ...], ClientLookup]] = {}
        self.harmless: Final[dict[tuple[object, ...], None]] = {}

    def make_room(self) -> None:
        """Forget what is known, once that is much."""
        for known in (self.texts, self.fields, self.sensitive, self.located, self.harmless):
            if len(known) >= _REMEMBERED:
                known.clear()


class Describer:
    """Makes descriptions of requests: scrubbed, and never more than the limits admit.

    Attributes:
        client_ip: Finds the client's address.
        scrubber: Masks secrets.
    """

    def __init__(self, *, client_ip: ClientIp, scrubber: ScrubberProtocol) -> None:
        self.client_ip: Final = client_ip
        self.scrubber: Final = scrubber
        self._proxies_header: Final = client_ip.header_name
        self._memory: Final = _Memory()

    def describe(
        self, raw: RawRequest, body: RawBody | None = None, *, located: ClientLookup | None = None
    ) -> RequestInfo:
        """Return what events tell of a request, of its body too where it is given."""
        telling = _RequestDescription(self.scrubber, self._memory)
        text, header = telling.text, telling.header
        known = self._memory.texts.get  # spares most texts a call
        address = (located or self.find_client(raw)).address
        route = self._route(raw)
        path = self._path(raw, route, telling)
        # Of a field that comes twice, the first line is told.
        fields = dict(reversed(raw.headers))
        user_agent, host = fields.get(b"user-agent"), fields.get(b"host")
        return RequestInfo(
            verb=known(raw.verb) or text(raw.verb),
            path=known(path) or text(path),
            id=raw.id,
            ip=address.ip,
            ip_source=address.source,
            user_agent=None if user_agent is None else known(user_agent) or header(user_agent),
            host=None if host is None else known(host) or header(host),
            route=telling.template(route),
            status=raw.status,
            params=telling.params(raw, body),
            truncated=telling.truncated,
        )

    def find_client(self, raw: RawRequest) -> ClientLookup:
        """Return where a request comes from."""
        name = self._proxies_header
        lines = [value for key, value in raw.headers if key == name]
        known = self._memory.located.get((raw.peer, *lines))
        if known is not None:
            return known
        located = ClientLookup(
            self.client_ip.resolve(raw.peer, raw.headers),
            self.client_ip.ignores_proxy_header(raw.peer, raw.headers),
        )
        if len(lines) <= _LINES_REMEMBERED and sum(map(len, lines)) <= _LONGEST_REMEMBERED:
            self._memory.make_room()
            self._memory.located[raw.peer, *lines] = located
        return located

    def _path(self, raw: RawRequest, route: str | None, telling: "_RequestDescription") -> str:
        """Return the path without secrets; routes that have none are remembered."""
        if route is None and not raw.path_params:
            return raw.path
        names = (route, *raw.path_params)
        harmless = self._memory.harmless
        if names in harmless:
            return raw.path
        told = [*template_names(route or ""), *map(safe_text, raw.path_params)]
        if any(map(telling.is_sensitive, told)):
            return masked_path(
                raw.path,
                route=route,
                routed=raw.routed,
                parameters=raw.path_params,
                is_sensitive=telling.is_sensitive,
            )
        if len(names) <= _PARAMETERS_REMEMBERED:
            self._memory.make_room()
            harmless[names] = None
        return raw.path

    def _route(self, raw: RawRequest) -> str | None:
        if raw.route is None or not raw.mount:
            return raw.route
        mounted = Mounted(raw.mount, raw.mounts, raw.route, raw.path_params)
        return f"{mount_template(mounted, self.scrubber)}{raw.route}"


class _RequestDescription:
    """One description under way, which knows whether something was cut."""

    __slots__ = ("_memory", "_scrubber", "truncated")

    def __init__(self, scrubber: ScrubberProtocol, memory: _Memory) -> None:
        self._scrubber: Final = scrubber
        self._memory: Final = memory
        self.truncated = False

    def text(self, text: str) -> str:
        told = self._memory.texts.get(text)
        return self._new_text(text, text) if told is None else told

    def header(self, value: bytes) -> str:
        return self._new_text(value.decode("utf-8", "replace"), value)

    def _new_text(self, text: str, known_by: str | bytes) -> str:
        if len(text) > MAX_TEXT_LENGTH:
            self.truncated = True
        # A mask may be longer than what it masks: cut in any case.
        told = truncate(text, MAX_TEXT_LENGTH, self._scrubber.text)
        if told == text and len(text) <= _LONGEST_REMEMBERED:  # no secrets are remembered
            self._memory.make_room()
            self._memory.texts[known_by] = told
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
        query = self._query(raw.query) if raw.query else {}
        path: dict[str, str] = {}
        if raw.path_params:
            path = self._path_params(raw.path_params)
        if body is None:
            return Params(query=query, path=path)
        parameters = body_parameters(body)
        self.truncated = self.truncated or parameters.incomplete
        fields = [_parted(field) for field in self._fields(parameters.query) if field]
        form = self._pairs([*fields, *parameters.form])
        return Params(query=query, path=path, form=form, json=self._json(parameters.json))

    def _path_params(self, values: PathParams) -> dict[str, str]:
        if len(values) > MAX_PARAMETERS:
            self.truncated = True
        told: dict[str, str] = {}
        for name, value in islice(values.items(), MAX_PARAMETERS):
            text, shown = self._pair(safe_text(name), safe_text(value))
            told.setdefault(text, shown)
        return told

    def _json(self, value: Any) -> Any:
        copier = Copier()
        copied = copier.copy(value)
        if copier.truncated:
            self.truncated = True
            copied = truncate_texts(copied, MAX_TEXT_LENGTH, self._scrubber.text)
        return self._scrubber.value(copied)

    def _fields(self, query: bytes) -> list[str]:
        """Return the fields of a query string; the last one of a cut string is left out."""
        looked_at = query
        if len(query) > MAX_QUERY_BYTES:
            self.truncated = True
            looked_at = query[:MAX_QUERY_BYTES].rpartition(b"&")[0]
        fields = looked_at.decode("utf-8", "replace").split("&", MAX_PARAMETERS)
        if len(fields) > MAX_PARAMETERS:
            self.truncated = True
            del fields[MAX_PARAMETERS:]
        return fields

    def _query(self, query: bytes) -> dict[str, list[str]]:
        known = self._memory.fields.get
        parameters: dict[str, list[str]] = {}
        for field in self._fields(query):
            if field:
                name, value = known(field) or self._field(field)
                parameters.setdefault(name, []).append(value)
        return parameters

    def _field(self, field: str) -> tuple[str, str]:
        """Return what is told of a query's field; harmless ones are remembered."""
        pair = _parted(field)
        told = self._pair(*pair)
        if told == pair and len(field) <= _LONGEST_REMEMBERED:
            self._memory.make_room()
            self._memory.fields[field] = told
        return told

    def _pair(self, name: str, value: str) -> tuple[str, str]:
        return self.text(name), MASK if self.is_sensitive(name) else self.text(value)

    def _pairs(self, pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
        if len(pairs) > MAX_PARAMETERS:
            self.truncated = True
        parameters: dict[str, list[str]] = {}
        for pair in pairs[:MAX_PARAMETERS]:
            name, value = self._pair(*pair)
            parameters.setdefault(name, []).append(value)
        return parameters


def _parted(field: str) -> tuple[str, str]:
    """Return the name and the value of a query's field, as ``urllib.parse.parse_qsl`` does."""
    name, _, value = field.partition("=")
    if "%" in field or "+" in field:
        return unquote_plus(name, errors="replace"), unquote_plus(value, errors="replace")
    return name, value
