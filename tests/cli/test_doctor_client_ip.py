import json
from typing import Any

import pytest

from tests.cli.conftest import Command


def doctor_ip(command: Command, *arguments: str) -> Any:
    """Return the output of ``doctor ip --json`` and the exit code."""
    ended = command("doctor", "ip", "--json", *arguments)
    return {**json.loads(ended.out), "code": ended.code}


def forwarded(value: str, *, peer: str) -> list[str]:
    """Return options for a request with ``X-Forwarded-For``."""
    return ["--peer", peer, "--header", f"X-Forwarded-For: {value}"]


def test_shows_the_steps_and_the_setting_to_change(command: Command) -> None:
    """The output names the untrusted proxies, the setting and the resulting client."""
    ended = command("doctor", "ip", *forwarded("1.2.3.4, 10.0.0.1", peer="172.17.0.1"))

    assert ended.code == 1
    assert ended.out.splitlines() == [
        "",
        "The client is 172.17.0.1  (the connection's address: ip_source is peer)",
        "",
        "  1. 172.17.0.1  not trusted, so no header is read",
        "  Not checked: 1.2.3.4, 10.0.0.1",
        "",
        "If 172.17.0.1 and 10.0.0.1 are your proxies, set",
        "    SQREEN_TRUSTED_PROXIES=172.17.0.1,10.0.0.1",
        "Then the client is 1.2.3.4.",
        "",
    ]


def test_advice_finds_the_promised_client(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the advised settings, the client is the one in the advice."""
    request = forwarded("1.2.3.4, 10.0.0.1", peer="172.17.0.1")
    advice = doctor_ip(command, *request)["advice"]
    for name, value in advice["settings"].items():
        monkeypatch.setenv(name, value)

    result = doctor_ip(command, *request)

    assert (result["ip"], result["ip_source"]) == (advice["client"]["ip"], "proxy")
    assert [step["text"] for step in result["steps"]] == ["172.17.0.1", "10.0.0.1", "1.2.3.4"]
    assert [step["is_trusted"] for step in result["steps"]] == [True, True, False]
    assert (result["advice"], result["code"], result["left_out"]) == (None, 0, [])


@pytest.mark.parametrize(
    ("peer", "header", "settings", "code"),
    [
        ("127.0.0.1", "X-Real-IP: 1.2.3.4", {"SQREEN_IP_HEADER": "X-Real-IP"}, 1),
        (
            "127.0.0.1",
            "CloudFront-Viewer-Address: 2001:db8::9:443",
            {"SQREEN_IP_HEADER": "CloudFront-Viewer-Address"},
            1,
        ),
        ("127.0.0.1", "X_Forwarded_For: 1.2.3.4", None, 0),
        (
            "10.0.0.9",
            "CF-Connecting-IP: 1.2.3.4",
            {"SQREEN_TRUSTED_PROXIES": "10.0.0.9", "SQREEN_IP_HEADER": "CF-Connecting-IP"},
            1,
        ),
        ("203.0.113.7", "X-Forwarded-For: 1.2.3.4", {"SQREEN_TRUSTED_PROXIES": "203.0.113.7"}, 0),
        ("127.0.0.1", "X-Forwarded-For: 1.2.3.4, unknown", None, 0),
        ("127.0.0.1", "X-Forwarded-For: 1.2.3.4", None, 0),
        ("127.0.0.1", "X-Forwarded-For: 10.0.0.1", None, 0),
        ("203.0.113.7", "User-Agent: probe", None, 0),
    ],
)
def test_exit_code_is_1_if_a_setting_seems_missing(
    command: Command, peer: str, header: str, settings: dict[str, str] | None, code: int
) -> None:
    """Private peers with a header are probably proxies; public peers can have forged it."""
    result = doctor_ip(command, "--peer", peer, "--header", header)

    assert (result["advice"] and result["advice"]["settings"], result["code"]) == (settings, code)


def test_advice_keeps_present_settings(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The advice keeps the proxies that are already trusted."""
    monkeypatch.setenv("SQREEN_TRUSTED_PROXIES", "172.16.0.0/12")
    monkeypatch.setenv("SQREEN_URL", "http://collector.test")
    request = forwarded("1.2.3.4, 10.0.0.1", peer="172.17.0.1")

    kept = doctor_ip(command, *request)["advice"]["settings"]
    changed = doctor_ip(command, "--trusted-proxies", "private", *request)

    assert kept == {"SQREEN_TRUSTED_PROXIES": "172.16.0.0/12,10.0.0.1"}
    assert (changed["ip"], changed["advice"]) == ("1.2.3.4", None)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (forwarded("1.2.3.4, unknown", peer="127.0.0.1"), "2. unknown    not an address, so"),
        (
            forwarded("10.0.0.2", peer="10.0.0.1"),
            "2. 10.0.0.2  trusted, but there is no other",
        ),
        (
            forwarded("1.2.3.4", peer=""),
            "1. (Unix socket)  trusted, so its x-forwarded-for is",
        ),
        (["--peer", "127.0.0.1"], "1. 127.0.0.1  trusted, but it sends no address in"),
        (
            [
                "--peer",
                "10.0.0.1",
                "--ip-header",
                "Forwarded",
                "--header",
                "Forwarded: for=1.2.3.4",
            ],
            "from the configured header: ip_source is header",
        ),
    ],
)
def test_each_step_is_explained(command: Command, arguments: list[str], expected: str) -> None:
    """Each kind of step has its own explanation."""
    assert expected in command("doctor", "ip", "--trusted-proxies", "private", *arguments).out


@pytest.mark.parametrize("control", ["\x1b[2J", "\x07", "\x9b2J"])
@pytest.mark.parametrize("peer", ["172.17.0.1", "127.0.0.1"])
def test_control_characters_are_escaped(command: Command, control: str, peer: str) -> None:
    """No text of a header reaches the terminal unescaped, whether it is checked or not."""
    ended = command("doctor", "ip", *forwarded(f"1.2.3.4{control}, x", peer=peer))

    assert control[0] not in ended.out
