"""A WSGI site under a real server: all behaviours, bare and wrapped, and what their taps wrote."""

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
    """Serve a variant of a behaviour, or tell of one that was served.

    Nothing stands between the server and the variant, as servers look at what they are handed.
    """
    if environ["PATH_INFO"].lstrip("/") not in APPS:
        return _tell(environ, start_response)
    CALLER.set("server")
    APP.set("unset")
    records.of(environ["HTTP_X_CASE"]).add_contextvars("server", "has")
    answer: Iterable[bytes] = _VARIANTS[environ["HTTP_X_VARIANT"]](environ, start_response)
    return answer


def _tell(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/mark":
        sys.stderr.write("----mark----\n")
        sys.stderr.flush()
    case = environ.get("HTTP_X_CASE", "")
    record = records.of(case)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([not case or record.done.is_set(), record.lines]).encode()]
