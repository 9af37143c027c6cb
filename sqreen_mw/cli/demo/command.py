"""``sqreen-mw demo``: run a collector, two example sites and their visitors."""

import asyncio
import json
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from sqreen_mw.cli.demo.ports import free_ports
from sqreen_mw.cli.demo.sites import SiteCommand, check_installed
from sqreen_mw.cli.demo.supervisor import DemoConfig, Links, run_demo

_TASKS: Final = (
    "Click the tall bar of five hours ago: one address tries the passwords of many customers.",
    "Filter by that address and follow the accounts that it opened.",
    "Sign up at the shop or the bank, and watch your own events arrive.",
)


def demo(
    *,
    port: Annotated[
        int, typer.Option(help="Port of the collector.", min=0, max=65535, metavar="PORT")
    ] = 7070,
    shop_port: Annotated[
        int, typer.Option(help="Port of the shop.", min=0, max=65535, metavar="PORT")
    ] = 7071,
    bank_port: Annotated[
        int, typer.Option(help="Port of the bank.", min=0, max=65535, metavar="PORT")
    ] = 7072,
    visitors: Annotated[bool, typer.Option(help="Send simulated visitors to both sites.")] = True,
    visitors_rate: Annotated[
        float,
        typer.Option(help="Actions per second of all visitors.", min=0.1, max=50, metavar="NUMBER"),
    ] = 3.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Run a collector, a shop and a bank with simulated visitors. All data is deleted at the end.

    Port 0 means any free port. Ctrl-C stops everything.
    """
    check_installed()
    ports = free_ports({"--port": port, "--shop-port": shop_port, "--bank-port": bank_port})
    with tempfile.TemporaryDirectory(prefix="sqreen-mw-demo-") as folder:
        config = DemoConfig(
            port=ports["--port"],
            shop=SiteCommand("shop", ports["--shop-port"]),
            bank=SiteCommand("bank", ports["--bank-port"]),
            visitors_rate=visitors_rate if visitors else 0,
            folder=Path(folder),
        )
        stopped = asyncio.run(run_demo(config, announce=partial(_announce, as_json=as_json)))
    if stopped:
        typer.echo(stopped, err=True)
        raise typer.Exit(1)


def _announce(links: Links, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(links)))
        return
    # No frame and no wrapping, so that links stay whole in a narrow terminal.
    console = Console(soft_wrap=True, highlight=False)
    console.rule("sqreen_mw demo")
    for name, link in (
        ("Event Explorer", links.login),
        ("Shop (FastAPI)", links.shop),
        ("Bank (Flask)", links.bank),
    ):
        console.print(f"[bold]{name:<18}[/bold] [link={link}]{link}[/link]")
    console.print()
    for number, task in enumerate(_TASKS, start=1):
        console.print(f"{number}. {task}")
    console.rule("Ctrl-C stops everything")
