"""Serves a site with a server that has no command: ``SERVER PORT MODULE:NAME``."""

import signal
import sys
from importlib import import_module
from types import FrameType
from typing import Any
from wsgiref.simple_server import make_server

from werkzeug.serving import run_simple


def main(server: str, port: int, site: str) -> None:
    """Serve on loopback until SIGTERM."""
    signal.signal(signal.SIGTERM, _end)
    module, name = site.split(":")
    app: Any = getattr(import_module(module), name)
    if server == "werkzeug":
        run_simple("127.0.0.1", port, app, threaded=True)
    else:
        make_server("127.0.0.1", port, app).serve_forever()


def _end(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
