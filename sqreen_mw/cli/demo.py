"""``sqreen-mw demo``: a collector, two example applications and their visitors, at once."""

import asyncio
import json
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sqreen_mw.cli.demonstration.ports import free_ports
from sqreen_mw.cli.demonstration.sites import SiteCommand, check_installed
from sqreen_mw.cli.demonstration.stage import Links, Play, perform


def demo(
    *,
    port: Annotated[int, typer.Option(help="Port of the collector.", min=0, max=65535)] = 7070,
    shop_port: Annotated[int, typer.Option(help="Port of the shop.", min=0, max=65535)] = 7071,
    bank_port: Annotated[int, typer.Option(help="Port of the bank.", min=0, max=65535)] = 7072,
    visitors: Annotated[bool, typer.Option(help="Send made-up visitors to both sites.")] = True,
    visitors_rate: Annotated[
        float, typer.Option(help="Actions a second, of all visitors.", min=0.1, max=50)
    ] = 3.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Run a collector, a shop and a bank that report to it, and visitors. Nothing is kept.

    A port of 0 is any free one. Ctrl-C stops everything.
    """
    check_installed()
    ports = free_ports({"--port": port, "--shop-port": shop_port, "--bank-port": bank_port})
    with tempfile.TemporaryDirectory(prefix="sqreen-mw-demo-") as folder:
        play = Play(
            port=ports["--port"],
            shop=SiteCommand("shop", ports["--shop-port"]),
            bank=SiteCommand("bank", ports["--bank-port"]),
            visitors_rate=visitors_rate if visitors else 0,
            folder=Path(folder),
        )
        ended = asyncio.run(perform(play, announce=partial(_announce, as_json=as_json)))
    if ended:
        typer.echo(ended, err=True)
        raise typer.Exit(1)


def _announce(links: Links, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(links)))
        return
    # No frame and no wrapping: a link must stay whole in the narrowest terminal.
    console = Console(soft_wrap=True, highlight=False)
    console.rule("sqreen_mw demo")
    for name, link in (
        ("Event Explorer", links.login),
        ("Shop, on FastAPI", links.shop),
        ("Bank, on Flask", links.bank),
    ):
        console.print(f"[bold]{name:<18}[/bold] [link={link}]{link}[/link]")
    console.rule("the Explorer's link opens once; Ctrl-C stops everything")
