"""``sqreen-mw doctor ip``: explain the client address of a request step by step."""

import argparse
import json as encoding
from dataclasses import asdict
from typing import Any, Final

import msgspec

from sqreen_mw.agent.config.config import Settings
from sqreen_mw.capture.client_ip import Step
from sqreen_mw.cli.doctor.client_ip_trace import Advice, Sample, Trace, Trust, trace_client_ip
from sqreen_mw.cli.doctor.terminal import styled
from sqreen_mw.cli.terminal_text import printable
from sqreen_mw.protocol.address import canonical_address

_SOURCES: Final = {
    "peer": "the connection's address",
    "proxy": "from a trusted proxy",
    "header": "from the configured header",
}


def add_client_ip_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--peer",
        required=True,
        metavar="ADDRESS",
        type=_peer,
        help="remote address of the connection; empty for a Unix socket",
    )
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="LINE",
        type=_header,
        help="header of the request, as 'Name: value'; can be repeated",
    )
    for option, metavar in (("--trusted-proxies", "NETWORKS"), ("--ip-header", "NAME")):
        parser.add_argument(option, metavar=metavar, help="use this instead of the setting")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")


def explain_client_ip(given: argparse.Namespace) -> int:
    """Explain the client address of a request. Return 1 if a setting seems missing, else 0."""
    settings = Settings()
    if given.trusted_proxies is not None:
        settings["trusted_proxies"] = given.trusted_proxies
    if given.ip_header is not None:
        settings["ip_header"] = given.ip_header
    trace = trace_client_ip(Trust.of(settings), Sample(given.peer, given.header))
    if given.json:
        print(encoding.dumps(_as_json(trace)))
    else:
        _print(trace)
    return 1 if trace.advice is not None and trace.advice.is_likely else 0


def _peer(text: str) -> str:
    if text and canonical_address(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not an IP address")
    return text


def _header(line: str) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError(f"{line!r} is not a header: write it as 'Name: value'")
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
    print(_result(trace))
    width = max(len(_address(step)) for step in trace.steps)
    for number, step in enumerate(trace.steps, start=1):
        explanation = _explanation(trace, number - 1)
        shown = styled(explanation, "green") if step.is_trusted else explanation
        print(f"  {number}. {_address(step):<{width}}  {shown}")
    if trace.left_out:
        print(styled(f"  Not checked: {printable(', '.join(trace.left_out))}", "dim"))
    print(_advice(trace.advice) if trace.advice is not None else "")


def _result(trace: Trace) -> str:
    source = trace.client.source
    client = styled(trace.client.ip or "unknown", "bold")
    reason = f"  ({_SOURCES[source]}: ip_source is {source})\n" if trace.client.ip else "\n"
    return f"\nThe client is {client}{reason}"


def _address(step: Step) -> str:
    return printable(step.text) or "(Unix socket)"


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
        return f"trusted, but it sends no address in {printable(trace.header)}"
    if peer.is_trusted:
        return f"trusted, so its {printable(trace.header)} is read from the right"
    return f"{'not an address' if peer.ip is None else 'not trusted'}, so no header is read"


def _advice(advice: Advice) -> str:
    proxies = " and ".join(advice.proxies)
    condition = "If your proxy sets that header"
    if proxies:
        are = "are your proxies" if len(advice.proxies) > 1 else "is your proxy"
        condition = f"{'If' if advice.is_likely else 'Only if'} {proxies} {are}"
    lines = "".join(f"\n    {name}={value}" for name, value in advice.settings.items())
    client = advice.client.ip or "unknown"
    shown = styled(lines, "cyan")
    return f"\n{condition}, set{shown}\nThen the client is {styled(client, 'bold')}.\n"
