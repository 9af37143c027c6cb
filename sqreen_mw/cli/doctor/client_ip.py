"""``sqreen-mw doctor ip``: explain the client address of a request step by step."""

import json as encoding
from dataclasses import asdict
from typing import Annotated, Any, Final, TypeAlias

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from sqreen_mw.agent.config.config import Settings
from sqreen_mw.capture.client_ip import Step
from sqreen_mw.cli.doctor.client_ip_trace import Advice, Sample, Trace, Trust, trace_client_ip

Peer: TypeAlias = Annotated[
    str, typer.Option(help="Remote address of the connection; empty for a Unix socket.")
]
Header: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(help="Header of the request, as 'Name: value'; can be repeated."),
]
TrustedProxies: TypeAlias = Annotated[
    str | None, typer.Option(help="Use this instead of the setting.", show_default=False)
]
IpHeader: TypeAlias = Annotated[
    str | None, typer.Option(help="Use this instead of the setting.", show_default=False)
]

_SOURCES: Final = {
    "peer": "the connection's address",
    "proxy": "from a trusted proxy",
    "header": "from the configured header",
}


def ip(
    *,
    peer: Peer,
    header: Header = None,
    trusted_proxies: TrustedProxies = None,
    ip_header: IpHeader = None,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Explain the client address of a request. The exit code is 1 if a setting seems missing."""
    sample = Sample(peer, [_header(line) for line in header or ()])
    settings = Settings()
    if trusted_proxies is not None:
        settings["trusted_proxies"] = trusted_proxies
    if ip_header is not None:
        settings["ip_header"] = ip_header
    trace = trace_client_ip(Trust.of(settings), sample)
    if json:
        typer.echo(encoding.dumps(_as_json(trace)))
    else:
        _print(trace)
    raise typer.Exit(1 if trace.advice is not None and trace.advice.is_likely else 0)


def _header(line: str) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        raise typer.BadParameter(f"{line!r} is not a header: write it as 'Name: value'")
    return _bytes(name.lower()), _bytes(value)


def _bytes(text: str) -> bytes:
    return text.strip().encode("latin-1", "replace")


def _as_json(trace: Trace) -> dict[str, Any]:
    return {
        "ip": trace.client.ip,
        "ip_source": trace.client.source,
        "steps": [step._asdict() for step in trace.steps],
        "left_out": trace.left_out,
        "advice": trace.advice
        and {**asdict(trace.advice), "client": msgspec.structs.asdict(trace.advice.client)},
    }


def _print(trace: Trace) -> None:
    console = Console(highlight=False)
    console.print(_result(trace))
    width = max(len(_address(step)) for step in trace.steps)
    for number, step in enumerate(trace.steps, start=1):
        console.print(f"  {number}. {_address(step):<{width}}  ", end="", markup=False)
        console.print(_explanation(trace, number - 1), style="green" if step.is_trusted else "")
    if trace.left_out:
        console.print(f"  Not checked: {', '.join(trace.left_out)}", markup=False, style="dim")
    console.print(_advice(trace.advice) if trace.advice is not None else "")


def _result(trace: Trace) -> Text:
    source = trace.client.source
    client = trace.client.ip or "unknown"
    reason = f"  ({_SOURCES[source]}: ip_source is {source})\n" if trace.client.ip else "\n"
    return Text.assemble("\nThe client is ", (client, "bold"), reason)


def _address(step: Step) -> str:
    return step.text or "(Unix socket)"


def _explanation(trace: Trace, index: int) -> str:
    step, is_last = trace.steps[index], index == len(trace.steps) - 1
    if index == 0:
        return _peer_explanation(trace, step, is_last=is_last)
    if step.ip is None:
        return "not an address, so the addresses before it are ignored"
    if not step.is_trusted:
        return "not trusted: this is the client"
    return "trusted, but there is no other address: this is the client" if is_last else "trusted"


def _peer_explanation(trace: Trace, peer: Step, *, is_last: bool) -> str:
    if peer.is_trusted and is_last:
        return f"trusted, but it sends no address in {trace.header}"
    if peer.is_trusted:
        return f"trusted, so its {trace.header} is read from the right"
    return f"{'not an address' if peer.ip is None else 'not trusted'}, so no header is read"


def _advice(advice: Advice) -> Text:
    proxies = " and ".join(advice.proxies)
    condition = "If your proxy sets that header"
    if proxies:
        are = "are your proxies" if len(advice.proxies) > 1 else "is your proxy"
        condition = f"{'If' if advice.is_likely else 'Only if'} {proxies} {are}"
    lines = "".join(f"\n    {name}={value}" for name, value in advice.settings.items())
    client = advice.client.ip or "unknown"
    return Text.assemble(
        f"\n{condition}, set",
        (lines, "bold cyan"),
        "\nThen the client is ",
        (client, "bold"),
        ".\n",
    )
