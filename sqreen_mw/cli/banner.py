"""The lines that ``sqreen-mw serve`` prints when the collector is ready."""

import socket
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Self

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from sqreen_mw.collector.settings import Settings
from sqreen_mw.collector.state.sessions import LOGIN_LINK_LIFETIME


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """The collector's URL, a sign-in link for the first user and a token for the first app."""

    url: str
    data_dir: Path
    login: str | None = None
    token: str | None = None

    @classmethod
    def of(cls, settings: Settings, *, port: int, login: str | None) -> Self:
        """Return the banner for a port and the secret of a sign-in link."""
        url = collector_url(settings, port=port)
        link = None if login is None else login_url(url, login)
        return cls(url=url, data_dir=settings.data_dir, login=link)

    def with_token(self, token: str | None) -> Self:
        """Return the banner with the secret of the first token."""
        return replace(self, token=token)


def collector_url(settings: Settings, *, port: int) -> str:
    """Return the collector's URL for browsers and apps, without a trailing slash."""
    if settings.public_url:
        return settings.public_url
    return f"{settings.scheme}://{_url_host(settings.host)}:{port}{settings.root_path}"


def _url_host(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return socket.gethostname()
    return f"[{host}]" if isinstance(address, IPv6Address) else host


def login_url(url: str, secret: str) -> str:
    """Return the URL of a sign-in link."""
    return f"{url}/login/once?token={secret}"


def print_banner(banner: Banner, *, json: bool) -> None:
    """Print the banner as text, or as one line of JSON."""
    if json:
        line = {"url": banner.url, "login": banner.login, "token": banner.token}
        typer.echo(msgspec.json.encode(line))
        return
    console = Console(highlight=False, soft_wrap=True)
    for text in _lines(banner):
        console.print(text)


def _lines(banner: Banner) -> list[Text]:
    lines = [Text(), _line("Listening", banner.url, style="bold cyan")]
    if banner.login:
        minutes = LOGIN_LINK_LIFETIME // 60
        lines += [
            _line("Sign in", banner.login, style="cyan"),
            _line("", f"works once, within {minutes} minutes", style="dim"),
        ]
    if banner.token:
        lines += [
            Text(),
            _line("Set", f"SQREEN_URL={banner.url}", style="green"),
            _line("", f"SQREEN_TOKEN={banner.token}", style="green"),
            _line("", "in your app's environment", style="dim"),
        ]
    return [*lines, Text(), _line("Data", str(banner.data_dir)), _line("Stop", "Ctrl+C"), Text()]


def _line(label: str, text: str, *, style: str = "") -> Text:
    return Text.assemble((f"  {label:<11}", "dim"), (text, style))
