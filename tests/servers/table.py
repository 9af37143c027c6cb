"""The servers that our tests stop, and the step that delivers their last events.

``python -m tests.servers.table`` prints the table for ``docs/servers.md``.
"""

import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

ASGI: Final = "tests.servers.asgi_site:app"
WSGI: Final = "tests.servers.wsgi_site:app"
TASKS: Final = "tests.servers.celery_site"


class Held(Enum):
    """The step that delivers the last events of a process at SIGTERM."""

    LIFESPAN = "delivers, at the end of the app's lifespan"
    EXIT = "delivers, when a process exits"
    SIGTERM = "delivers, at the signal"
    CHILD = "delivers, when a worker ends"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server and how to start it.

    Attributes:
        name: Its name in the docs: the command without the port and the site.
        command: Its program and arguments. PORT is replaced by the port.
        held_by: The step that delivers its last events.
        needs: A package that it needs besides its own.
        processes: How many of its processes must answer.
    """

    name: str
    command: str
    held_by: Held
    needs: str | None = None
    processes: int = 1

    @property
    def program(self) -> str | None:
        """The path of its program: beside this Python, or on PATH."""
        folders = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return shutil.which(self.command.split()[0], path=folders)

    @property
    def missing(self) -> str | None:
        """The package that must be installed first, or None."""
        if self.program is None:
            return self.command.split()[0].removesuffix("-serve")
        if self.needs and importlib.util.find_spec(self.needs) is None:
            return self.needs
        return None


def _uvicorn(flags: str = "", *, held_by: Held, processes: int = 1) -> Server:
    return Server(
        name=f"uvicorn {flags}".rstrip(),
        command=f"uvicorn --port PORT {flags} {ASGI}",
        held_by=held_by,
        processes=processes,
    )


def _hypercorn(flags: str = "", *, needs: str | None = None, processes: int = 1) -> Server:
    return Server(
        name=f"hypercorn {flags}".rstrip(),
        command=f"hypercorn --bind 127.0.0.1:PORT {flags} {ASGI}",
        held_by=Held.LIFESPAN,
        needs=needs,
        processes=processes,
    )


def _granian(interface: str, site: str, held_by: Held) -> Server:
    name = f"granian --interface {interface}"
    return Server(name=name, command=f"{name} --port PORT {site}", held_by=held_by)


def _gunicorn(
    flags: str, site: str = WSGI, *, held_by: Held = Held.EXIT, needs: str | None = None
) -> Server:
    return Server(
        name=f"gunicorn {flags}",
        command=f"gunicorn --bind 127.0.0.1:PORT --no-control-socket --workers 2 {flags} {site}",
        held_by=held_by,
        needs=needs,
        processes=2,
    )


def _uwsgi(flags: str = "") -> Server:
    how = "--http-socket 127.0.0.1:PORT --die-on-term --need-app --worker-reload-mercy 4"
    name = f"uwsgi --master --processes 2 {flags}".rstrip()
    return Server(
        name=name, command=f"{name} {how} --module {WSGI}", held_by=Held.EXIT, processes=2
    )


SERVERS: Final = (
    _uvicorn(held_by=Held.LIFESPAN),
    _uvicorn("--workers 3", held_by=Held.LIFESPAN, processes=3),
    _uvicorn("--reload", held_by=Held.LIFESPAN),
    _uvicorn("--lifespan off", held_by=Held.SIGTERM),
    _uvicorn("--lifespan off --workers 3", held_by=Held.SIGTERM, processes=3),
    _uvicorn("--lifespan off --reload", held_by=Held.SIGTERM),
    _hypercorn(),
    _hypercorn("--workers 2", processes=2),
    _hypercorn("--worker-class trio", needs="trio"),
    _granian("asgi", ASGI, Held.LIFESPAN),
    _granian("wsgi", WSGI, Held.CHILD),
    Server(name="daphne", command=f"daphne --port PORT {ASGI}", held_by=Held.EXIT),
    _gunicorn("--worker-class sync"),
    _gunicorn("--worker-class gthread --threads 4"),
    _gunicorn("--worker-class gevent", needs="gevent"),
    _gunicorn("--preload"),
    _gunicorn("--worker-class asgi", ASGI, held_by=Held.LIFESPAN),
    _uwsgi(),
    _uwsgi("--threads 4"),
    _uwsgi("--lazy-apps"),
    Server(
        name="waitress-serve",
        command=f"waitress-serve --listen 127.0.0.1:PORT {WSGI}",
        held_by=Held.SIGTERM,
    ),
    Server(
        name="manage.py runserver --noreload",
        command="python -m tests.servers.django_site runserver --noreload --skip-checks PORT",
        held_by=Held.SIGTERM,
        needs="django",
    ),
    Server(name="flask run", command=f"flask --app {WSGI} run --port PORT", held_by=Held.SIGTERM),
)

CELERY: Final = Server(
    name="celery worker --pool prefork",
    command=f"celery -A {TASKS} worker --pool prefork --concurrency 2",
    held_by=Held.CHILD,
    processes=2,
)


def table() -> str:
    """Return the table in Markdown."""
    rows = [f"| `{server.name}` | {server.held_by.value} |" for server in (*SERVERS, CELERY)]
    return "\n".join(["| Server | At SIGTERM |", "|---|---|", *rows])


if __name__ == "__main__":
    sys.stdout.write(f"{table()}\n")
