"""``sqreen-mw doctor ip``: whose address a request has, step by step, and what would change it."""

import json as encoding
from dataclasses import asdict
from typing import Annotated, Any, Final, TypeAlias

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from sqreen_mw.agent.config.config import Settings
from sqreen_mw.capture.client_ip import Step
from sqreen_mw.cli.doctor_walk import Advice, Sample, Trust, Walk, walk

Peer: TypeAlias = Annotated[
    str, typer.Option(help="Address that the connection comes from; empty for a Unix socket.")
]
Header: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(help="Header of the request, as 'Name: value'; may come more than once."),
]
TrustedProxies: TypeAlias = Annotated[
    str | None, typer.Option(help="Try these instead of the setting.", show_default=False)
]
IpHeader: TypeAlias = Annotated[
    str | None, typer.Option(help="Try this instead of the setting.", show_default=False)
]

_WHO_SAYS: Final = {
    "peer": "the connection itself says so",
    "proxy": "a trusted proxy says so",
    "header": "a trusted proxy says so, in the header that you named",
}


def ip(
    *,
    peer: Peer,
    header: Header = None,
    trusted_proxies: TrustedProxies = None,
    ip_header: IpHeader = None,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Say which address a request has, and why; exit with 1 where a setting seems to be missing."""
    sample = Sample(peer, [_header(line) for line in header or ()])
    settings = Settings()
    if trusted_proxies is not None:
        settings["trusted_proxies"] = trusted_proxies
    if ip_header is not None:
        settings["ip_header"] = ip_header
    found = walk(Trust.of(settings), sample)
    if json:
        typer.echo(encoding.dumps(_plain(found)))
    else:
        _print(found)
    raise typer.Exit(1 if found.advice is not None and found.advice.is_likely else 0)


def _header(line: str) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        raise typer.BadParameter(f"{line!r} is no header: write it as 'Name: value'")
    return _bytes(name.lower()), _bytes(value)


def _bytes(text: str) -> bytes:
    return text.strip().encode("latin-1", "replace")


def _plain(found: Walk) -> dict[str, Any]:
    return {
        "ip": found.client.ip,
        "ip_source": found.client.source,
        "steps": [step._asdict() for step in found.steps],
        "left_out": found.left_out,
        "advice": found.advice
        and {**asdict(found.advice), "client": msgspec.structs.asdict(found.advice.client)},
    }


def _print(found: Walk) -> None:
    console = Console(highlight=False)
    console.print(_answer(found))
    width = max(len(_shown(step)) for step in found.steps)
    for number, step in enumerate(found.steps, start=1):
        console.print(f"  {number}. {_shown(step):<{width}}  ", end="", markup=False)
        console.print(_said(found, number - 1), style="green" if step.is_trusted else "")
    if found.left_out:
        console.print(f"  Not looked at: {', '.join(found.left_out)}", markup=False, style="dim")
    console.print(_advised(found.advice) if found.advice is not None else "")


def _answer(found: Walk) -> Text:
    source = found.client.source
    who = found.client.ip or "not known"
    says = f"  ({_WHO_SAYS[source]}: ip_source is {source})\n" if found.client.ip else "\n"
    return Text.assemble("\nThe client is ", (who, "bold"), says)


def _shown(step: Step) -> str:
    return step.text or "(Unix socket)"


def _said(found: Walk, place: int) -> str:
    """Return what the walk made of a step."""
    step, is_last = found.steps[place], place == len(found.steps) - 1
    trusted = "trusted" if step.is_trusted else "not trusted"
    if place == 0:
        what = {
            (True, True): f"{trusted}, but it sends no address in {found.header}",
            (True, False): f"{trusted}, so its {found.header} counts, from the right",
        }
        nobody = "no address" if step.ip is None else trusted
        return what.get((step.is_trusted, is_last), f"{nobody}, so no header counts")
    if step.ip is None:
        return "no address, so what comes before it has no voucher"
    if step.is_trusted:
        return f"{trusted}, but there is no other: the client" if is_last else trusted
    return f"{trusted}: the client"


def _advised(advice: Advice) -> Text:
    proxies = " and ".join(advice.proxies)
    condition = "If your proxy sets that header"
    if proxies:
        are = "are proxies" if len(advice.proxies) > 1 else "is a proxy"
        condition = f"{'If' if advice.is_likely else 'Only if'} {proxies} {are} of yours"
    lines = "".join(f"\n    {name}={value}" for name, value in advice.settings.items())
    who = advice.client.ip or "not known"
    return Text.assemble(
        f"\n{condition}, set", (lines, "bold cyan"), "\nand the client is ", (who, "bold"), ".\n"
    )
