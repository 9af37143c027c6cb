"""``sqreen-mw serve``: run the collector."""

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final

import typer

from sqreen_mw.cli.banner import Banner, print_banner
from sqreen_mw.cli.descriptor_limit import raise_descriptor_limit
from sqreen_mw.cli.listening_socket import listen
from sqreen_mw.cli.log_output import set_up_logging
from sqreen_mw.cli.options import DataDir, StateUrl, repeated, setting
from sqreen_mw.cli.uvicorn_server import check_tls, run
from sqreen_mw.collector.connection_limits import ConnectionLimits
from sqreen_mw.collector.services import open_services
from sqreen_mw.collector.settings import Settings, load_settings
from sqreen_mw.collector.state import State, open_state
from sqreen_mw.collector.state.sessions import LOGIN_LINK_LIFETIME
from sqreen_mw.errors import ConfigurationError

FIRST_USER: Final = "admin"
"""A collector on loopback creates this user at its first start, without a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """The options of the command. All but ``json`` are settings of the collector."""

    host: Annotated[str | None, setting("HOST", "Address to listen on.", default="127.0.0.1")] = (
        None
    )
    port: Annotated[int | None, setting("PORT", "0 lets the system choose.", default="7070")] = None
    data_dir: DataDir = None
    events_url: Annotated[
        str | None, setting("URL", "Database of events.", default="sqlite:///DIR/events.db")
    ] = None
    state_url: StateUrl = None
    root_path: Annotated[str | None, setting("PATH", "Path prefix that a proxy removes.")] = None
    public_url: Annotated[
        str | None, setting("URL", "Address for browsers and apps, behind a proxy.")
    ] = None
    trusted_proxies: Annotated[
        str | None,
        setting("NETWORKS", "Your proxies: 10.0.0.0/8, or private.", default="loopback"),
    ] = None
    tls_cert: Annotated[Path | None, setting("FILE", "PEM file with the certificate.")] = None
    tls_key: Annotated[Path | None, setting("FILE", "PEM file with its key.")] = None
    keep_days: Annotated[
        int | None, setting("DAYS", "Delete events that are older; 0 keeps all.", default="0")
    ] = None
    log_level: Annotated[
        str | None, setting("LEVEL", "Lowest level of log lines.", default="info")
    ] = None
    log_format: Annotated[
        str | None, setting("FORMAT", "Format of log lines: text or json.", default="text")
    ] = None
    json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON when it is ready.")
    ] = False


def serve(**given: Any) -> None:
    """Run the collector: it receives and stores events, and shows them in the Event Explorer.

    Each option can also be set in the environment, as SQREEN_COLLECTOR_<OPTION>.
    """
    options = ServeOptions(**given)
    settings = load_settings({name: given[name] for name in given if name != "json"})
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    check_tls(settings)
    set_up_logging(settings)
    connections = ConnectionLimits(raise_descriptor_limit())
    with listen(settings, connections) as listener:
        with closing(open_state(settings.state_url)) as state:
            store = repeated(data_dir=options.data_dir, state_url=options.state_url)
            secret = _first_login(settings, state, options=store)
        # Last, because it creates the first token, which is shown at this start only.
        with closing(open_services(settings, connections=connections)) as services:
            banner = Banner.of(settings, port=listener.getsockname()[1], login=secret)
            banner = banner.with_token(services.first_token)
            services.state.served_url.set(banner.url)
            with _until_signal():
                run(services, listener, on_ready=lambda: print_banner(banner, json=options.json))
    if not options.json:
        typer.echo("The collector has stopped.")


vars(serve)["__signature__"] = signature(ServeOptions)
"""Typer reads the options from the signature."""


def _stop(_number: int, _frame: FrameType | None) -> None:
    # uvicorn handles the signal first and raises it again at its end.
    raise SystemExit(0)


@contextmanager
def _until_signal() -> Iterator[None]:
    try:
        yield
    except SystemExit as ended:
        if ended.code:  # not from _stop
            raise


def _first_login(settings: Settings, state: State, *, options: str = "") -> str | None:
    """Return the secret of a sign-in link for the first user, or None if a user has a password.

    Args:
        settings: The collector's settings.
        state: The store of the users.
        options: Options to repeat in the suggested command, so that it opens the same store.

    Raises:
        ConfigurationError: The host is not loopback and no user has a password.
    """
    if state.users.any_password():
        return None
    if not settings.is_loopback:
        raise ConfigurationError(
            f"the host {settings.host} is reachable from other machines, but no user has a "
            "password yet: first run "
            f"sqreen-mw users create NAME --role admin --password-stdin{options}"
        )
    if state.users.count() == 0:
        state.users.create(FIRST_USER, password=None, role="admin")
    user = state.users.by_name(FIRST_USER)
    return None if user is None else state.sessions.issue_link(user, lifetime=LOGIN_LINK_LIFETIME)
