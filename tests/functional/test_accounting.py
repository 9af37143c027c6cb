"""The counters of events, from the app to the Overview."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.chromium import ARGS, PAGE_TIMEOUT, chromium_path
from tests.support.collector_process import CollectorProcess, run_collector
from tests.support.optional import need_module
from tests.support.ports import free_port
from tests.support.processes import ROOT, clean_environment, running_python
from tests.support.waiting import PATIENCE, wait_until_answered

TRACKED = 13_000
ROOM = 10_000

SCRIPT = f"""
import dataclasses
import json
import sys
import sqreen_mw as sqreen

for number in range({TRACKED}):
    assert sqreen.track("row.imported", properties={{"number": number}})
print("full", flush=True)
sys.stdin.readline()
sqreen.flush({PATIENCE})
sqreen.close(5)
print(json.dumps(dataclasses.asdict(sqreen.stats())))
"""

FORKING = """
import os
import sqreen_mw as sqreen

assert sqreen.track("parent")
child = os.fork()
for number in range(0 if child else 20):
    assert sqreen.track("child")
if child:
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    """Run a collector."""
    data_dir: Path = tmp_path_factory.mktemp("collector")
    with run_collector(data_dir) as process:
        yield process


def overflow(served: CollectorProcess, app: str) -> dict[str, Any]:
    """Overflow the queue of a script while the collector hangs. Return the counters."""
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # contains the log line about the overflow
        text=True,
        cwd=ROOT,
        env=clean_environment(served.settings(app)),
    ) as process:
        assert process.stdout is not None
        with served.stalled():
            assert process.stdout.readline() == "full\n"
        out, _ = process.communicate("on\n", timeout=2 * PATIENCE)
        counts: dict[str, Any] = json.loads(out)
        return counts


@pytest.mark.browser
def test_overflow_is_shown_on_the_overview(served: CollectorProcess) -> None:
    """The Overview shows the losses that the process counted."""
    sync_api = need_module("playwright.sync_api", package="playwright")
    path = chromium_path()

    stats = overflow(served, "import")

    lost = stats["dropped"]["overflow"]
    assert stats["dropped"] == {"overflow": lost}
    assert lost >= TRACKED - ROOM
    assert (stats["tracked"], stats["delivered"], stats["waiting"]) == (TRACKED, TRACKED - lost, 0)
    answer = served.instances("import")
    [instance] = answer["instances"]
    assert instance["ended"]
    assert {name: instance[name] for name in stats} == stats
    assert [(drop["reason"], drop["count"]) for drop in answer["drops"]] == [("overflow", lost)]
    assert len(served.events("import", at_least=TRACKED - lost)) == TRACKED - lost
    sync_api.expect.set_options(timeout=PAGE_TIMEOUT)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGS)
        page = browser.new_page()
        page.goto(served.login)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Overview").click()
        sync_api.expect(page).to_have_url(re.compile("/overview$"))
        summary: Any = page.locator("#loss-summary")
        sync_api.expect(summary).to_contain_text(f"{lost:,} events lost in the last 24 hours")
        sync_api.expect(summary).to_contain_text(f"{lost:,} queue overflow (import, ")
        row: Any = page.get_by_role("row").filter(has_text=f"pid {instance['pid']}")
        sync_api.expect(row).to_contain_text(f"{TRACKED - lost:,}")
        browser.close()


ASGI = """
import sqreen_mw as sqreen

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (message := (await receive())["type"]) != "lifespan.shutdown":
            await send({"type": message + ".complete"})
        return await send({"type": message + ".complete"})
    sqreen.track("visited")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})

app = sqreen.SqreenMiddleware(app)
"""


def test_stop_of_an_asgi_server_is_an_end(served: CollectorProcess, tmp_path: Path) -> None:
    """Uvicorn dies by the signal after the lifespan. The Overview shows an end and no loss."""
    (tmp_path / "stopped.py").write_text(ASGI)
    port = free_port()
    command = ["uvicorn", "stopped:app", "--app-dir", str(tmp_path), "--port", str(port)]
    with running_python("-m", *command, settings=served.settings("stopped")) as server:
        wait_until_answered(f"http://127.0.0.1:{port}/")
        server.send_signal(signal.SIGTERM)
        server.wait(PATIENCE)

    [instance] = served.instances("stopped")["instances"]
    assert instance["ended"]
    assert instance["tracked"] == instance["delivered"] >= 1
    assert (instance["waiting"], instance["dropped"]) == (0, {})


def test_forked_child_is_another_instance(served: CollectorProcess) -> None:
    """Parent and child report their own events and their end."""
    subprocess.run(
        [sys.executable, "-c", FORKING],
        check=True,
        timeout=PATIENCE,
        cwd=ROOT,
        env=clean_environment(served.settings("forking")),
    )

    instances = served.instances("forking")["instances"]
    assert sorted(each["delivered"] for each in instances) == [1, 20]
    assert len({each["instance_id"] for each in instances}) == 2
    assert len({each["pid"] for each in instances}) == 2
    assert all(each["ended"] for each in instances)
    assert all(abs(each["clock_skew"]) < 60_000 for each in instances)
