"""A WSGI site for real servers: all behaviours, bare and wrapped, and their records."""

import json
import sys
from collections.abc import Iterable
from typing import Any

from sqreen_mw.middleware.wsgi import SqreenWSGIMiddleware
from tests.transparency.record import APP, CALLER, Records
from tests.transparency.wsgi_apps import APPS, named
from tests.transparency.wsgi_tap import App, Environ, StartResponse, Tap

records = Records()
inside: App = Tap(named, side="in", records=records, follows_bodies=False)
_VARIANTS: dict[str, Any] = {"bare": inside, "wrapped": SqreenWSGIMiddleware(inside)}


def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Serve a behaviour, or return the record of a request.

    No tap is outside, because servers inspect the type of the response.
    """
    if environ["PATH_INFO"].lstrip("/") not in APPS:
        return _report(environ, start_response)
    CALLER.set("server")
    APP.set("unset")
    records.of(environ["HTTP_X_CASE"]).add_contextvars("server", "has")
    answer: Iterable[bytes] = _VARIANTS[environ["HTTP_X_VARIANT"]](environ, start_response)
    return answer


def _report(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/mark":
        sys.stderr.write("----mark----\n")
        sys.stderr.flush()
    case = environ.get("HTTP_X_CASE", "")
    record = records.of(case)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([not case or record.done.is_set(), record.lines]).encode()]
