"""Header fields of a WSGI request, without those that a client spelled with underscores.

An environ has one key for ``X-Forwarded-For`` and ``X_Forwarded_For``. Proxies set the first name
only and pass the second one on, so a client could write the value that the app reads. Many servers
therefore drop names with underscores. The other ones are asked for the names that they received.
"""

import re
import signal
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from sqreen_mw.agent.process.kind import runs_tests
from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.capture.json_copy import safe_text

Field: TypeAlias = tuple[str | bytes, str | bytes]

_DROPPING_KEYS: Final = ("waitress.client_disconnected", "mod_wsgi.version")
"""Keys of the environ that only servers set which drop names with underscores."""

_GUNICORN: Final = "gunicorn"
_DROPPING_SINCE: Final = {_GUNICORN: 22, "Werkzeug": 3, "gevent": 2}
"""The major versions since which other servers drop these names, or did so before."""

_DROPPING_POLICIES: Final = ("drop", "refuse")
"""The values of gunicorn's ``--header-map`` that pass no names with underscores on."""

_UWSGI: Final = "uwsgi.version"
_SOFTWARE: Final = "SERVER_SOFTWARE"
_SCOPE: Final = "asgi.scope"
_SERVER_KEYS: Final = (_SOFTWARE, _UWSGI, _SCOPE)
"""Keys of servers and adapters that may pass on names with underscores."""

_JOINED: Final = re.compile(r"^,|,(?! )")
"""Values that a server has joined. Proxies put a space after a comma."""

_dropping: Final[set[str]] = set()
"""The ``SERVER_SOFTWARE`` of servers that were found to drop names with underscores."""

_DROPS: Final = "drops names with underscores"
_MERGES: Final = "may merge names"
_TEST: Final = "no server, but a test of the app"
_kinds: Final[set[str]] = set()
"""The kinds of the servers that this process has seen; most processes have one."""

UNCLEAR: Final = object()
"""The value of a field whose name may have been spelled with underscores."""


def clear_values(
    values: Mapping[str, object], environ: Mapping[str, Any] | None, start_response: object
) -> dict[str, object]:
    """Return the values of header fields, without those of names with underscores.

    Args:
        values: The values in the environ, by keys such as ``HTTP_USER_AGENT``.
        environ: The WSGI environ, or None after the request.
        start_response: The server's function, which leads to the received names.
    """
    ambiguous = [key for key, value in values.items() if value is not None and _has_twin(key)]
    kinds = _kinds if environ is None else {_kind(environ, start_response)}
    if not ambiguous or kinds == {_DROPS}:
        return dict(values)
    received = None if environ is None else _received_fields(environ, start_response)
    if received is not None:
        return {**values, **_values_with_twins(ambiguous, received)}
    if kinds and _MERGES not in kinds:
        ambiguous = [key for key in ambiguous if _JOINED.search(safe_text(values[key]))]
    return {**values, **dict.fromkeys(ambiguous, UNCLEAR)}


def _has_twin(key: str) -> bool:
    return "_" in key.removeprefix("HTTP_")


def drops_underscores(environ: Mapping[str, Any]) -> bool:
    """Return whether the server drops header names with underscores."""
    return safe_text(environ.get(_SOFTWARE, "")) in _dropping or _kind(environ, None) == _DROPS


def _kind(environ: Mapping[str, Any], start_response: object) -> str:
    """Return the kind of the server, and remember it for events after the request."""
    if _drops_underscores(safe_text(environ.get(_SOFTWARE, "")), environ):
        kind = _DROPS
    else:
        kind = _TEST if _is_test(environ, start_response) else _MERGES
    _kinds.add(kind)
    return kind


def _drops_underscores(software: str, environ: Mapping[str, Any]) -> bool:
    """Identify the server by keys that no client can set, because they lack ``HTTP_``."""
    if any(key in environ for key in _DROPPING_KEYS):
        return True
    name, _, version = software.partition("/")
    if name in _DROPPING_SINCE:
        major = version.partition(".")[0]
        drops = major.isdecimal() and int(major) >= _DROPPING_SINCE[name]
        if name == _GUNICORN and _gunicorn_keeps_underscores():
            drops = False
        if drops:
            _dropping.add(software)
        return drops
    if _UWSGI in environ:
        # uWSGI's own HTTP server sets no scheme. A web server that speaks its protocol does, and
        # both nginx and Apache drop names with underscores.
        return "REQUEST_SCHEME" in environ
    # Django's development server has its own type of input, unlike the server that it extends.
    return type(environ.get("wsgi.input")).__module__.startswith("django.")


def _is_test(environ: Mapping[str, Any], start_response: object) -> bool:
    """Return whether a test has made an environ, and not a server.

    Adapters such as serverless-wsgi set the same keys as test clients and use their functions, so
    the environ alone proves nothing.
    """
    if not runs_tests():
        return False
    is_method = getattr(start_response, "__self__", None) is not None
    has_threads = environ.get("wsgi.multithread") is True
    return not (has_threads or is_method or any(key in environ for key in _SERVER_KEYS))


def _gunicorn_keeps_underscores() -> bool:
    """Return False if gunicorn's settings are known and drop names with underscores.

    Signal handlers of a worker are its methods, and it has the settings. The app may replace
    handlers: if it replaces all, ``--header-map dangerous`` is possible.
    """
    for number in signal.valid_signals():
        worker = getattr(signal.getsignal(number), "__self__", None)
        policy = getattr(getattr(worker, "cfg", None), "header_map", None)
        if policy is not None:
            return policy not in _DROPPING_POLICIES
    return True


def _values_with_twins(keys: Iterable[str], fields: Iterable[Field]) -> dict[str, str | None]:
    """Return the values of the keys that a name with underscores has as well."""
    values: dict[str, list[str]] = {key: [] for key in keys}
    twins: set[str] = set()
    for field in fields:
        name, value = map(_text, field)
        key = f"HTTP_{name.upper().replace('-', '_')}"
        if key in values:
            if "_" in name:
                twins.add(key)
            else:
                values[key].append(value)
    return {key: ",".join(values[key]) if values[key] else None for key in twins}


def _text(part: str | bytes) -> str:
    return part.decode("latin-1") if isinstance(part, bytes) else part


def _received_fields(environ: Mapping[str, Any], start_response: object) -> list[Field] | None:
    """Return the header fields that the server received, or None if it does not keep them."""
    with suppress_app_errors:
        scope = environ.get(_SCOPE)
        if isinstance(scope, Mapping):
            return list(scope["headers"])
        owner = getattr(start_response, "__self__", None)
        for kind in type(owner).__mro__:
            read = _SERVERS_WITH_FIELDS.get(kind.__module__.partition(".")[0])
            if read is not None:
                return list(read(owner))
    return None


def _scope_fields(responder: Any) -> Iterable[Field]:
    fields: Iterable[Field] = responder.scope["headers"]
    return fields


def _twisted_fields(response: Any) -> Iterable[Field]:
    for name, values in response.request.requestHeaders.getAllRawHeaders():
        for value in values:
            yield name, value


_SERVERS_WITH_FIELDS: Final[dict[str, Callable[[Any], Iterable[Field]]]] = {
    "gunicorn": lambda response: response.req.headers,
    "wsgiref": lambda handler: handler.request_handler.headers.items(),
    "cheroot": lambda gateway: gateway.req.inheaders.items(),
    "twisted": _twisted_fields,
    "a2wsgi": _scope_fields,
    "asgiref": _scope_fields,
    "starlette": _scope_fields,
    "uvicorn": _scope_fields,
}
"""How to read the received fields from the object that ``start_response`` is a method of."""
