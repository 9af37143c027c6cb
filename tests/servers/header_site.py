"""A WSGI site that tracks on each request, for all servers and adapters: ``app``.

``python -m tests.servers.header_site SERVER PORT`` runs it on a server without a command.
"""

import json
import signal
import sys
from collections.abc import Callable
from typing import Any
from wsgiref.simple_server import make_server

import sqreen_mw as sqreen
from sqreen_mw import SqreenWSGIMiddleware
from sqreen_mw.agent.requests.wsgi_headers import drops_underscores
from tests.support.optional import need_module


def greet(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Deliver an event, and respond with the server's behaviour as the environ shows it."""
    sqreen.track("visited")
    sqreen.flush()
    body = json.dumps(drops_underscores(environ)).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


app = SqreenWSGIMiddleware(greet)


ADAPTERS = {
    "asgi_a2wsgi": ("a2wsgi", "WSGIMiddleware"),
    "asgi_asgiref": ("asgiref.wsgi", "WsgiToAsgi"),
    "asgi_starlette": ("starlette.middleware.wsgi", "WSGIMiddleware"),
}


SIGNALS = {
    "app_with_handler": {signal.SIGUSR1},
    "app_with_handlers": signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM},
}


def __getattr__(name: str) -> Any:
    """Return the site, with its own signal handlers or behind an adapter: ``asgi_a2wsgi``."""
    for number in SIGNALS.get(name, ()):
        signal.signal(number, signal.SIG_IGN)
    if name in SIGNALS:
        return app
    if name not in ADAPTERS:
        raise AttributeError(name)
    module, adapter = ADAPTERS[name]
    return getattr(loaded(module), adapter)(app)


def loaded(module: str) -> Any:
    """Import a module of an optional package."""
    return need_module(module, package=module.partition(".")[0])


def wsgiref(port: int) -> None:
    """Serve with Python's own server."""
    make_server("127.0.0.1", port, app).serve_forever()


def werkzeug(port: int) -> None:
    """Serve with the development server of Flask."""
    loaded("werkzeug.serving").run_simple("127.0.0.1", port, app)


def cheroot(port: int) -> None:
    """Serve with the server of CherryPy."""
    loaded("cheroot.wsgi").Server(("127.0.0.1", port), app).start()


def gevent(port: int) -> None:
    """Serve with gevent's own server."""
    loaded("gevent.pywsgi").WSGIServer(("127.0.0.1", port), app).serve_forever()


def twisted(port: int) -> None:
    """Serve with Twisted."""
    reactor = loaded("twisted.internet.reactor")
    resource = loaded("twisted.web.wsgi").WSGIResource(reactor, reactor.getThreadPool(), app)
    reactor.listenTCP(port, loaded("twisted.web.server").Site(resource), interface="127.0.0.1")
    reactor.run()


SERVERS: dict[str, Callable[[int], None]] = {
    each.__name__: each for each in (wsgiref, werkzeug, cheroot, gevent, twisted)
}

if __name__ == "__main__":
    SERVERS[sys.argv[1]](int(sys.argv[2]))
