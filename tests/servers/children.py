"""Serves the WSGI site from two children of this process: ``fork|spawn PORT``."""

import multiprocessing
import signal
import socket
import sys
from typing import Any

from werkzeug.serving import make_server


def serve(listener: socket.socket) -> None:
    """Serve until the process is told to end."""
    from tests.servers.wsgi_site import app  # noqa: PLC0415 each child loads it anew

    host, port = listener.getsockname()
    make_server(host, port, app, fd=listener.fileno()).serve_forever()


def main(method: Any, port: int) -> None:
    """Have two children serve, and end them when this process is told to end."""
    context = multiprocessing.get_context(method)
    with socket.create_server(("127.0.0.1", port)) as listener:
        children = [context.Process(target=serve, args=(listener,)) for _ in range(2)]
        for child in children:
            child.start()
    # Only now: children that are forked keep handlers.
    signal.signal(signal.SIGTERM, lambda *_: [child.terminate() for child in children])
    for child in children:
        child.join()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
