"""Describes a request for its events, from the raw values of the server."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import unquote_plus

from msgspec import Struct

from sqreen_mw.capture.client_ip import FORWARDING, ClientAddress, ClientIp, Headers
from sqreen_mw.capture.json_copy import Copier, safe_text
from sqreen_mw.capture.path_masking import Mounted, masked_path, mount_template, without_masked
from sqreen_mw.capture.path_matching import template_names
from sqreen_mw.capture.request_body import RawBody, body_parameters
from sqreen_mw.capture.text import clean_text, truncate, truncate_texts
from sqreen_mw.protocol.event import Params, RequestInfo
from sqreen_mw.protocol.limits import MAX_PARAMETERS, MAX_TEXT_LENGTH
from sqreen_mw.protocol.mask import MASK
from sqreen_mw.scrubbing.interface import ScrubberProtocol, masked
from sqreen_mw.scrubbing.secret_values import SHORTEST_RANDOM

PathParams: TypeAlias = Mapping[str, object]

_CACHED: Final = 1024
_LONGEST_CACHED: Final = 256
_LINES_CACHED: Final = 4 * 2  # each with its name
_PARAMETERS_CACHED: Final = 16

MAX_QUERY_BYTES: Final = 16 * 1024
"""Maximum parsed bytes of a query string."""


class RawRequest(Struct, frozen=True, kw_only=True):
    """The unparsed values of a request.

    ``headers`` has lower-case names and only needs the headers that events contain. ``route`` is
    the template of ``routed``, which is the end of the path, or None for the whole path. ``mount``
    is the part of ``routed`` before that template, and ``mounts`` are the possible templates of
    the mount. ``has_unclear_address`` is True if the client may have written the header with its
    address, which is then empty.
    """

    verb: str
    path: str
    query: bytes
    headers: Headers
    peer: str | None
    has_unclear_address: bool = False
    route: str | None
    path_params: PathParams
    routed: str | None = None
    mount: str = ""
    mounts: Sequence[str] = ()
    id: str | None = None
    status: int | None = None
    crashed: bool = False


class ClientLookup(NamedTuple):
    """The client's address, and whether an untrusted proxy names another one."""

    address: ClientAddress
    ignores_proxy_header: bool


class Cache:
    """Results for short texts, names and addresses, because most repeat."""

    def __init__(self) -> None:
        self.texts: Final[dict[str | bytes, str]] = {}
        self.fields: Final[dict[str, tuple[str, str]]] = {}
        self.sensitive: Final[dict[str, bool]] = {}
        self.clients: Final[dict[tuple[object, ...], ClientLookup]] = {}
        self.harmless: Final[dict[tuple[object, ...], None]] = {}

    def make_room(self) -> None:
        """Clear the full caches."""
        for known in (self.texts, self.fields, self.sensitive, self.clients, self.harmless):
            if len(known) >= _CACHED:
                known.clear()


class Describer:
    """Describes requests, scrubbed and within the limits.

    Attributes:
        client_ip: Finds the client's address.
        scrubber: Masks secrets.
        cache: Results for repeated values.
    """

    def __init__(self, *, client_ip: ClientIp, scrubber: ScrubberProtocol) -> None:
        self.client_ip: Final = client_ip
        self.scrubber: Final = scrubber
        self._forwarding: Final = frozenset({client_ip.header_name, *map(str.encode, FORWARDING)})
        self.cache: Final = Cache()

    def describe(
        self, raw: RawRequest, body: RawBody | None = None, *, client: ClientLookup | None = None
    ) -> RequestInfo:
        """Describe a request, with the parameters of its body if the body is given."""
        description = _RequestDescription(self.scrubber, self.cache)
        text, header = description.text, description.header
        known = self.cache.texts.get  # saves a call for most texts
        address = (client or self.find_client(raw)).address
        route = self._route(raw)
        routed = self._path(raw, route, description)
        path = known(routed) or text(routed)
        # The first line of a repeated header counts.
        fields = dict(reversed(raw.headers))
        user_agent, host = fields.get(b"user-agent"), fields.get(b"host")
        return RequestInfo(
            verb=known(raw.verb) or text(raw.verb),
            path=path,
            id=raw.id,
            ip=address.ip,
            ip_source=address.source,
            forwarded_ignored=address.forwarded_ignored,
            user_agent=None if user_agent is None else known(user_agent) or header(user_agent),
            host=None if host is None else known(host) or header(host),
            route=description.template(route),
            status=raw.status,
            crashed=raw.crashed,
            params=description.params(raw, path, body),
            truncated=description.truncated,
        )

    def find_client(self, raw: RawRequest) -> ClientLookup:
        """Return the client of a request."""
        names = self._forwarding
        lines = [part for key, value in raw.headers if key in names for part in (key, value)]
        known = self.cache.clients.get((raw.peer, *lines))
        if known is not None:
            return known
        client = ClientLookup(
            self.client_ip.resolve(raw.peer, raw.headers),
            self.client_ip.ignores_proxy_header(raw.peer, raw.headers),
        )
        if len(lines) <= _LINES_CACHED and sum(map(len, lines)) <= _LONGEST_CACHED:
            self.cache.make_room()
            self.cache.clients[raw.peer, *lines] = client
        return client

    def _path(self, raw: RawRequest, route: str | None, description: "_RequestDescription") -> str:
        """Return the path without secrets. Routes without sensitive names are cached."""
        if route is None and not raw.path_params:
            return raw.path
        names = (route, *raw.path_params)
        harmless = self.cache.harmless
        if names in harmless:
            return raw.path
        parameters = [*template_names(route or ""), *map(safe_text, raw.path_params)]
        if any(map(description.is_sensitive, parameters)):
            return masked_path(
                raw.path,
                route=route,
                routed=raw.routed,
                parameters=raw.path_params,
                is_sensitive=description.is_sensitive,
            )
        if len(names) <= _PARAMETERS_CACHED:
            self.cache.make_room()
            harmless[names] = None
        return raw.path

    def _route(self, raw: RawRequest) -> str | None:
        if raw.route is None or not raw.mount:
            return raw.route
        mounted = Mounted(raw.mount, raw.mounts, raw.route, raw.path_params)
        return f"{mount_template(mounted, self.scrubber)}{raw.route}"


class _RequestDescription:
    """Scrubs the parts of one description and records whether a part was truncated."""

    __slots__ = ("_cache", "_scrubber", "truncated")

    def __init__(self, scrubber: ScrubberProtocol, cache: Cache) -> None:
        self._scrubber: Final = scrubber
        self._cache: Final = cache
        self.truncated = False

    def text(self, text: str) -> str:
        known = self._cache.texts.get(text)
        return self._new_text(text, text) if known is None else known

    def header(self, value: bytes) -> str:
        return self._new_text(value.decode("utf-8", "replace"), value)

    def _new_text(self, text: str, key: str | bytes) -> str:
        if len(text) > MAX_TEXT_LENGTH:
            self.truncated = True
        # A mask can be longer than the secret, so always truncate.
        scrubbed = truncate(text, MAX_TEXT_LENGTH, self._scrubber.text)
        if scrubbed == text and len(text) <= _LONGEST_CACHED:  # secrets are never cached
            self._cache.make_room()
            self._cache.texts[key] = scrubbed
        return scrubbed

    def is_sensitive(self, name: str) -> bool:
        known = self._cache.sensitive.get(name)
        if known is None:
            known = self._scrubber.is_sensitive(name)
            if len(name) <= _LONGEST_CACHED:
                self._cache.make_room()
                self._cache.sensitive[name] = known
        return known

    def template(self, template: str | None) -> str | None:
        """Return a route template. It is not scrubbed, because it comes from the app's code."""
        if template is None:
            return None
        if len(template) > MAX_TEXT_LENGTH:
            self.truncated = True
        return clean_text(template[:MAX_TEXT_LENGTH])

    def params(self, raw: RawRequest, shown: str, body: RawBody | None) -> Params:
        """Return the parameters; ``shown`` is the path without secrets."""
        query = self._query(raw.query) if raw.query else {}
        path: dict[str, str] = {}
        if raw.path_params:
            path = self._path_params(raw.path_params)
            if shown != raw.path:
                path = without_masked(path, raw.path, shown, scrub=self._scrubber.text)
        if body is None:
            return Params(query=query, path=path)
        parameters = body_parameters(body)
        self.truncated = self.truncated or parameters.incomplete
        fields = [_split(field) for field in self._fields(parameters.query) if field]
        form = self._pairs([*fields, *parameters.form])
        return Params(query=query, path=path, form=form, json=self._json(parameters.json))

    def _path_params(self, values: PathParams) -> dict[str, str]:
        if len(values) > MAX_PARAMETERS:
            self.truncated = True
        parameters: dict[str, str] = {}
        for name, value in islice(values.items(), MAX_PARAMETERS):
            text, scrubbed = self._pair(safe_text(name), safe_text(value))
            parameters.setdefault(text, scrubbed)
        return parameters

    def _json(self, value: Any) -> Any:
        copier = Copier()
        copied = copier.copy(value)
        if copier.truncated:
            self.truncated = True
            copied = truncate_texts(copied, MAX_TEXT_LENGTH, self._scrubber.text)
        return self._scrubber.value(copied)

    def _fields(self, query: bytes) -> list[str]:
        """Return the fields of a query string. The last field of a cut string is left out."""
        parsed = query
        if len(query) > MAX_QUERY_BYTES:
            self.truncated = True
            parsed = query[:MAX_QUERY_BYTES].rpartition(b"&")[0]
        fields = parsed.decode("utf-8", "replace").split("&", MAX_PARAMETERS)
        if len(fields) > MAX_PARAMETERS:
            self.truncated = True
            del fields[MAX_PARAMETERS:]
        return fields

    def _query(self, query: bytes) -> dict[str, list[str]]:
        known = self._cache.fields.get
        parameters: dict[str, list[str]] = {}
        for field in self._fields(query):
            if field:
                name, value = known(field) or self._new_field(field)
                parameters.setdefault(name, []).append(value)
        return parameters

    def _new_field(self, field: str) -> tuple[str, str]:
        """Return the scrubbed name and value of a field. Harmless fields are cached."""
        pair = _split(field)
        scrubbed = self._pair(*pair)
        if scrubbed == pair and len(field) <= _LONGEST_CACHED:
            self._cache.make_room()
            self._cache.fields[field] = scrubbed
        return scrubbed

    def _pair(self, name: str, value: str) -> tuple[str, str]:
        return self.text(name), MASK if self.is_sensitive(name) else self._value(name, value)

    def _value(self, name: str, value: str) -> str:
        scrubbed = self.text(value)
        # A long value can be a secret because of its name, such as a random "session".
        if scrubbed == value and len(value) >= SHORTEST_RANDOM:
            return masked(name, value, self._scrubber)
        return scrubbed

    def _pairs(self, pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
        if len(pairs) > MAX_PARAMETERS:
            self.truncated = True
        parameters: dict[str, list[str]] = {}
        for pair in pairs[:MAX_PARAMETERS]:
            name, value = self._pair(*pair)
            parameters.setdefault(name, []).append(value)
        return parameters


def _split(field: str) -> tuple[str, str]:
    """Return the name and the value of a field, like ``urllib.parse.parse_qsl``."""
    name, _, value = field.partition("=")
    if "%" in field or "+" in field:
        return unquote_plus(name, errors="replace"), unquote_plus(value, errors="replace")
    return name, value
