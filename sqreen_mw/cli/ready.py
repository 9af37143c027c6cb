"""What a collector says once it is ready."""

import ipaddress
import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from sqreen_mw.cli.first_login import LINK_LIFETIME
from sqreen_mw.collector.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Where the collector is, and what lets the first person and the first app in."""

    url: str
    data_dir: Path
    login: str | None = None
    token: str | None = None

    @classmethod
    def of(cls, settings: Settings, *, port: int, login: str | None) -> Self:
        """Return it for settings, the port in use and the secret of a login link."""
        url = collector_url(settings, port=port)
        link = None if login is None else login_url(url, login)
        return cls(url=url, data_dir=settings.data_dir, login=link)

    def with_token(self, token: str | None) -> Self:
        """Return it with the secret of the first token."""
        return replace(self, token=token)


def collector_url(settings: Settings, *, port: int) -> str:
    """Return the URL under which the collector is reached, without a slash at its end."""
    if settings.public_url:
        return settings.public_url
    host = settings.host
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"{settings.scheme}://{host}:{port}{settings.root_path}"
    if address.is_unspecified:
        host = socket.gethostname()
    elif address.version == 6:  # noqa: PLR2004 of the protocol
        host = f"[{host}]"
    return f"{settings.scheme}://{host}:{port}{settings.root_path}"


def login_url(url: str, secret: str) -> str:
    """Return the link that logs in once."""
    return f"{url}/login/once?token={secret}"


def print_ready(ready: Ready, *, json: bool) -> None:
    """Print it for a person, or as one line of JSON for a program."""
    if json:
        line = {"url": ready.url, "login": ready.login, "token": ready.token}
        typer.echo(msgspec.json.encode(line))
        return
    console = Console(highlight=False, soft_wrap=True)
    for text in _lines(ready):
        console.print(text)


def _lines(ready: Ready) -> list[Text]:
    lines = [Text(), _line("Listening", ready.url, style="bold cyan")]
    if ready.login:
        minutes = LINK_LIFETIME // 60
        lines += [
            _line("Log in", ready.login, style="cyan"),
            _line("", f"works once, within {minutes} minutes", style="dim"),
        ]
    if ready.token:
        lines += [
            Text(),
            _line("Set", f"SQREEN_URL={ready.url}", style="green"),
            _line("", f"SQREEN_TOKEN={ready.token}", style="green"),
            _line("", "in your app's environment; the token is shown this once", style="dim"),
        ]
    return [*lines, Text(), _line("Data", str(ready.data_dir)), _line("Stop", "Ctrl+C"), Text()]


def _line(label: str, text: str, *, style: str = "") -> Text:
    return Text.assemble((f"  {label:<11}", "dim"), (text, style))
