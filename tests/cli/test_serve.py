import re
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.cli.conftest import Command
from tests.collector.api.wire import wire_event
from tests.support.collector_process import run_collector
from tests.support.waiting import PATIENCE


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Return a port that something else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--host", "0.0.0.0"), "first run sqreen-mw users create"),  # noqa: S104 that is the point
        (("--events-url", "redis://x"), "'redis'"),
        (("--state-url", "postgres://x"), "'postgres'"),
        (("--data-dir", "/proc/nowhere"), "/proc/nowhere"),
        (("--tls-cert", "/nowhere", "--tls-key", "/nowhere"), "/nowhere is not there"),
        (("--tls-cert", __file__, "--tls-key", __file__), "no certificate and its key"),
        (("--port", "70000"), "0 to 65535"),
        (("--host", ""), "host is empty"),
        (("--data-dir", ""), "data dir is empty"),
        (("--public-url", "example.com"), "such as https://"),
    ],
)
def test_a_wrong_setting_is_one_line(
    command: Command, arguments: tuple[str, ...], message: str
) -> None:
    """A collector that can't start says why in one line on stderr, with exit code 2."""
    ended = command("serve", "--port", "0", *arguments)

    assert ended.code == 2
    assert message in ended.err
    assert ended.err.count("\n") == 1
    assert ended.out == ""


@pytest.mark.parametrize("with_state", [False, True])
def test_the_command_for_the_first_user_fits(
    command: Command, tmp_path: Path, *, with_state: bool
) -> None:
    """What a refused start says to run, run as it is, lets the next start begin."""
    where = ["--data-dir", str(tmp_path / "my data")]
    if with_state:
        where += ["--state-url", f"sqlite:///{tmp_path}/state.db"]
    options = ("--host", "0.0.0.0", "--port", "0", *where)  # noqa: S104 that is the point

    refused = command("serve", *options)
    advice = shlex.split(re.findall(r"first run (sqreen-mw .*)", refused.err)[0])
    made = command(*advice[1:], stdin="correct horse")

    assert made.code == 0
    assert advice[3] == "NAME"
    with run_collector(tmp_path / "my data", *options[:2], *where[2:]) as server:
        assert server.login is None


def test_a_wrong_variable_is_one_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is no setting stops the start."""
    monkeypatch.setenv("SQREEN_COLLECTOR_PROT", "1")

    ended = command("serve")

    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "did you mean SQREEN_COLLECTOR_PORT?" in ended.err


def test_a_taken_port_names_the_setting(command: Command, taken_port: int) -> None:
    """A port that is in use is named, with the option and the variable that choose another."""
    ended = command("serve", "--port", str(taken_port))

    assert ended.code == 2
    assert f"port {taken_port} is taken" in ended.err
    assert "--port or SQREEN_COLLECTOR_PORT" in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--host", "0.0.0.0"),  # noqa: S104 that is the point
        ("--tls-cert", __file__, "--tls-key", __file__),
        ("--events-url", "redis://x"),
    ],
)
def test_a_start_that_fails_keeps_the_first_token(
    command: Command, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """The token that is shown once is shown by the first start that succeeds."""
    refused = command("serve", "--port", "0", "--data-dir", str(tmp_path), *arguments)

    with run_collector(tmp_path) as server:
        assert server.first_token is not None
    assert refused.code == 2


def test_a_taken_port_keeps_the_first_token(
    command: Command, tmp_path: Path, taken_port: int
) -> None:
    """A start that finds its port taken uses nothing up."""
    command("serve", "--port", str(taken_port), "--data-dir", str(tmp_path))

    with run_collector(tmp_path) as server:
        assert server.first_token is not None


def test_a_host_of_elsewhere_names_the_setting(command: Command) -> None:
    """An address that is not of this machine is named once anybody could log in there."""
    command("users", "create", "ann", "--password-stdin", stdin="correct horse")

    ended = command("serve", "--host", "192.0.2.1", "--port", "0")

    assert ended.code == 2
    assert "192.0.2.1 can't be listened on" in ended.err


def test_the_first_start_lets_the_owner_in(tmp_path: Path) -> None:
    """The first line has a link that logs in once, and a token that an app can send with."""
    with run_collector(tmp_path) as server:
        sent = httpx2.post(
            f"{server.url}/v1/events",
            json={"events": [wire_event()]},
            headers={"authorization": f"Bearer {server.first_token}"},
            timeout=PATIENCE,
        )
        with httpx2.Client(base_url=server.url, timeout=PATIENCE) as client:
            assert server.login is not None
            logged_in = client.get(server.login)
            found = client.get("/v1/events/query").json()["events"]
            again = httpx2.get(server.login, timeout=PATIENCE)
    with run_collector(tmp_path) as second:
        assert second.first_token is None
        assert second.login is not None

    assert sent.status_code == 202
    assert logged_in.has_redirect_location
    assert [stored["app"] for stored in found] == ["default"]
    assert not again.has_redirect_location


def test_with_a_password_there_is_no_link(command: Command, tmp_path: Path) -> None:
    """Once anybody has a password, a start makes no link that would go around it."""
    data_dir = tmp_path / "data"
    command(
        *("users", "create", "ann", "--password-stdin", "--data-dir", str(data_dir)),
        stdin="correct horse",
    )

    with run_collector(data_dir) as server:
        assert server.login is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_cleanly_with_a_live_tail(tmp_path: Path, number: signal.Signals) -> None:
    """A signal ends the collector in a few seconds with code 0 and no word, open streams or not."""
    with (
        run_collector(tmp_path) as server,
        httpx2.Client(base_url=server.url, timeout=PATIENCE) as client,
    ):
        assert server.login is not None
        client.get(server.login)
        with client.stream("GET", "/events/live") as stream:
            assert stream.status_code == 200
            begun = time.monotonic()
            server.process.send_signal(number)
            _, err = server.process.communicate(timeout=PATIENCE)

    assert time.monotonic() - begun < 30
    assert (server.process.returncode, err) == (0, "")


def test_ignores_what_clients_say_of_themselves(tmp_path: Path) -> None:
    """Headers of proxies are not believed: a client can't choose its scheme by them."""
    with run_collector(tmp_path) as server:
        assert server.login is not None
        answer = httpx2.get(
            server.login,
            headers={"x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.1"},
            timeout=PATIENCE,
        )

    assert "secure" not in answer.headers["set-cookie"].lower()
    assert "httponly" in answer.headers["set-cookie"].lower()


def test_a_proxy_may_speak_tls(tmp_path: Path) -> None:
    """With a public URL, the address that is told and the link to log in by are the proxy's."""
    public = "https://sqreen.example.com/security"

    with run_collector(
        tmp_path, "--public-url", f"{public}/", "--root-path", "/security"
    ) as server:
        assert server.url == public
        assert server.login is not None
        assert server.login.startswith(f"{public}/login/once?token=")


def test_speaks_tls(tmp_path: Path) -> None:
    """With a certificate and its key, the collector is reached by https only."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.create_default_context(cafile=str(cert))

    with run_collector(tmp_path, "--tls-cert", str(cert), "--tls-key", str(key)) as server:
        assert server.url.startswith("https://127.0.0.1:")
        assert server.login is not None
        answer = httpx2.get(server.login, verify=context, timeout=PATIENCE)

    assert "secure" in answer.headers["set-cookie"].lower()


def test_tells_a_person_what_to_do(tmp_path: Path) -> None:
    """Without --json the output has the address, the link, and the lines to set."""
    command = [sys.executable, "-m", "sqreen_mw", "serve", "--port", "0"]
    with subprocess.Popen(
        [*command, "--data-dir", str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or "Stop" not in lines[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1], "it ends before it is ready"
        process.terminate()
        process.communicate(timeout=PATIENCE)

    text = "".join(lines)
    assert "Listening  http://127.0.0.1:" in text
    assert "/login/once?token=" in text
    assert "SQREEN_URL=http://127.0.0.1:" in text
    assert "SQREEN_TOKEN=sqm_" in text
