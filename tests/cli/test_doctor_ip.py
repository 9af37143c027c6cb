import json
from typing import Any

import pytest

from tests.cli.conftest import Command


def asked(command: Command, *arguments: str) -> Any:
    """Return what ``doctor ip --json`` says, with its exit code."""
    ended = command("doctor", "ip", "--json", *arguments)
    return {**json.loads(ended.out), "code": ended.code}


def forwarded(value: str, *, peer: str) -> list[str]:
    """Return options for a request with ``X-Forwarded-For``."""
    return ["--peer", peer, "--header", f"X-Forwarded-For: {value}"]


def test_shows_the_walk_and_the_setting_to_change(command: Command) -> None:
    """A proxy that is not trusted is named with the setting, and with whom it would find."""
    ended = command("doctor", "ip", *forwarded("1.2.3.4, 10.0.0.1", peer="172.17.0.1"))

    assert ended.code == 1
    assert ended.out.splitlines() == [
        "",
        "The client is 172.17.0.1  (the connection itself says so: ip_source is peer)",
        "",
        "  1. 172.17.0.1  not trusted, so no header counts",
        "  Not looked at: 1.2.3.4, 10.0.0.1",
        "",
        "If 172.17.0.1 and 10.0.0.1 are proxies of yours, set",
        "    SQREEN_TRUSTED_PROXIES=172.17.0.1,10.0.0.1",
        "and the client is 1.2.3.4.",
        "",
    ]


def test_the_advice_holds(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the settings of the advice, the client is the one that it named."""
    request = forwarded("1.2.3.4, 10.0.0.1", peer="172.17.0.1")
    advice = asked(command, *request)["advice"]
    for name, value in advice["settings"].items():
        monkeypatch.setenv(name, value)

    told = asked(command, *request)

    assert (told["ip"], told["ip_source"]) == (advice["client"]["ip"], "proxy")
    assert [step["text"] for step in told["steps"]] == ["172.17.0.1", "10.0.0.1", "1.2.3.4"]
    assert [step["is_trusted"] for step in told["steps"]] == [True, True, False]
    assert (told["advice"], told["code"], told["left_out"]) == (None, 0, [])


@pytest.mark.parametrize(
    ("peer", "header", "settings", "code"),
    [
        ("127.0.0.1", "X-Real-IP: 1.2.3.4", {"SQREEN_IP_HEADER": "X-Real-IP"}, 1),
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
        ("garbage", "X-Forwarded-For: 1.2.3.4", None, 0),
    ],
)
def test_advises_where_a_setting_seems_to_be_missing(
    command: Command, peer: str, header: str, settings: dict[str, str] | None, code: int
) -> None:
    """Private peers with a header are most likely proxies; anybody else may have made it up."""
    told = asked(command, "--peer", peer, "--header", header)

    assert (told["advice"] and told["advice"]["settings"], told["code"]) == (settings, code)


def test_present_settings_are_added_to(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The advice keeps the proxies that are trusted already, wherever they are set."""
    monkeypatch.setenv("SQREEN_TRUSTED_PROXIES", "172.16.0.0/12")
    monkeypatch.setenv("SQREEN_URL", "http://collector.test")
    request = forwarded("1.2.3.4, 10.0.0.1", peer="172.17.0.1")

    kept = asked(command, *request)["advice"]["settings"]
    tried = asked(command, "--trusted-proxies", "private", *request)

    assert kept == {"SQREEN_TRUSTED_PROXIES": "172.16.0.0/12,10.0.0.1"}
    assert (tried["ip"], tried["advice"]) == ("1.2.3.4", None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (forwarded("1.2.3.4, unknown", peer="127.0.0.1"), "2. unknown    no address, so"),
        (forwarded("10.0.0.2", peer="10.0.0.1"), "2. 10.0.0.2  trusted, but there is no other"),
        (forwarded("1.2.3.4", peer=""), "1. (Unix socket)  trusted, so its x-forwarded-for counts"),
        (["--peer", "127.0.0.1"], "1. 127.0.0.1  trusted, but it sends no address in"),
        (["--peer", "garbage"], "1. garbage  no address, so no header counts"),
        (["--peer", "garbage"], "The client is not known"),
        (
            [
                "--peer",
                "10.0.0.1",
                "--ip-header",
                "Forwarded",
                "--header",
                "Forwarded: for=1.2.3.4",
            ],
            "in the header that you named: ip_source is header",
        ),
    ],
)
def test_each_step_says_what_it_means(command: Command, arguments: list[str], said: str) -> None:
    """Every turn of the walk has its own words."""
    assert said in command("doctor", "ip", "--trusted-proxies", "private", *arguments).out
