"""``sqreen-mw serve``: run the collector."""

import signal
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Annotated, TypeAlias

import typer

from sqreen_mw.cli.first_login import first_login
from sqreen_mw.cli.listener import listen
from sqreen_mw.cli.options import DataDir, StateUrl, repeated
from sqreen_mw.cli.ready import Ready, print_ready
from sqreen_mw.cli.server import check_tls, run
from sqreen_mw.collector.services import open_services
from sqreen_mw.collector.settings import load_settings
from sqreen_mw.collector.state import open_state

Host: TypeAlias = Annotated[
    str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")
]
Port: TypeAlias = Annotated[
    int | None, typer.Option(help="Port; 0 lets the system choose.", show_default="7070")
]
EventsUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Where events are.", show_default="sqlite:///DATA_DIR/events.db"),
]
RootPath: TypeAlias = Annotated[
    str | None, typer.Option(help="Path that a proxy in front removes.", show_default=False)
]
PublicUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Where people and apps reach it, through a proxy.", show_default=False),
]
TlsCert: TypeAlias = Annotated[
    Path | None, typer.Option(help="PEM file of the certificate.", show_default=False)
]
TlsKey: TypeAlias = Annotated[
    Path | None, typer.Option(help="PEM file of its key.", show_default=False)
]
Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one line of JSON once it is ready.")
]


def serve(  # noqa: PLR0913 one an option
    *,
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    events_url: EventsUrl = None,
    state_url: StateUrl = None,
    root_path: RootPath = None,
    public_url: PublicUrl = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    json: Json = False,
) -> None:
    """Run the collector: it takes events, keeps them, and shows them in the Event Explorer.

    Each option can be set as SQREEN_COLLECTOR_<OPTION> in the environment too.
    """
    settings = load_settings(
        {
            "host": host,
            "port": port,
            "data_dir": data_dir,
            "events_url": events_url,
            "state_url": state_url,
            "root_path": root_path,
            "public_url": public_url,
            "tls_cert": tls_cert,
            "tls_key": tls_key,
        }
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    check_tls(settings)
    with listen(settings) as listener:
        with closing(open_state(settings.state_url)) as state:
            options = repeated(data_dir=data_dir, state_url=state_url)
            secret = first_login(settings, state, options=options)
        # Last of what can fail: its token is made once, and shown by this start or never.
        with closing(open_services(settings)) as services:
            ready = Ready.of(settings, port=listener.getsockname()[1], login=secret)
            ready = ready.with_token(services.first_token)
            run(services, listener, on_ready=lambda: print_ready(ready, json=json))


def _stop(_number: int, _frame: FrameType | None) -> None:
    # The server's own handlers come first; it then hands the signal on to here.
    raise SystemExit(0)
