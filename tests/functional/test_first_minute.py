"""From a request to the Event Explorer, with each part in its own process."""

import re
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.chromium import ARGS, PAGE_TIMEOUT, chromium_path
from tests.support.collector_process import CollectorProcess, run_collector
from tests.support.optional import need_module
from tests.support.ports import free_port
from tests.support.processes import running_python
from tests.support.waiting import PATIENCE, wait_until_answered

pytestmark = pytest.mark.smoke

VISITORS = 20
# Loopback uses plain HTTP. Loading the trusted CAs for each visitor would be slow.
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TOKEN = re.compile(r'name="form_token" value="([\w-]+)"')


@dataclass(frozen=True)
class Demo:
    """A collector, and the example sites that send events to it."""

    collector: CollectorProcess
    sites: dict[str, str]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Run the collector, the shop on uvicorn and the bank on gunicorn with threads."""
    data_dir: Path = tmp_path_factory.mktemp("collector")
    ports = {"shop": free_port(), "bank": free_port()}
    commands = {
        "shop": ["uvicorn", "examples.fastapi_app.app:app", "--port", str(ports["shop"])],
        "bank": ["gunicorn", "examples.flask_app.app:app", "--threads", "4", "--no-control-socket"],
    }
    commands["bank"] += ["--bind", f"127.0.0.1:{ports['bank']}"]
    with ExitStack() as stack:
        served = stack.enter_context(run_collector(data_dir))
        for app, command in commands.items():
            settings = served.settings(app, SQREEN_APP_NAME=app, SQREEN_ENVIRONMENT="test")
            stack.enter_context(running_python("-m", *command, settings=settings))
        sites = {app: f"http://127.0.0.1:{port}" for app, port in ports.items()}
        for url in sites.values():
            wait_until_answered(f"{url}/login")
        yield Demo(served, sites)


def fail_to_log_in(site: str, number: int) -> None:
    """Send a failed login of a visitor with their own address and user agent."""
    headers = {"User-Agent": f"visitor/{number}", "X-Forwarded-For": f"203.0.113.{number}"}
    with httpx2.Client(
        base_url=site, headers=headers, verify=NO_AUTHORITIES, timeout=PATIENCE
    ) as client:
        found = TOKEN.search(client.get("/login").text)
        assert found
        form = {"form_token": found[1], "email": f"v{number}@example.org", "password": "wrong"}
        answer = client.post("/login", params={"visit": number, "from": "mail"}, data=form)
        assert answer.status_code == 401


@pytest.mark.parametrize("app", ["shop", "bank"])
def test_each_event_contains_the_values_of_its_request(demo: Demo, app: str) -> None:
    """Address, user agent, path, verb, parameters and user belong to the event's own request."""
    for number in range(1, VISITORS + 1):
        fail_to_log_in(demo.sites[app], number)

    stored = demo.collector.events(app, at_least=VISITORS)

    assert len(stored) == len({event["event"]["id"] for event in stored}) == VISITORS
    by_agent = {event["event"]["request"]["user_agent"]: event for event in stored}
    for number in range(1, VISITORS + 1):
        row = by_agent[f"visitor/{number}"]
        event = row["event"]
        request = event["request"]
        assert (row["app"], row["env"]) == (app, "test")
        assert event["event"] == "sq.sdk.users.login"
        assert event["properties"] == {"success": False}
        assert event["user_identifiers"] == {"email": f"v{number}@example.org"}
        assert request["ip"] == f"203.0.113.{number}"
        assert (request["verb"], request["path"], request["route"]) == ("POST", "/login", "/login")
        assert request["params"]["query"] == {"visit": [str(number)], "from": ["mail"]}


@pytest.mark.browser
def test_explorer_shows_new_events_live(demo: Demo) -> None:
    """The login link opens the Explorer, and a new event appears without a reload."""
    sync_api = need_module("playwright.sync_api", package="playwright")
    path = chromium_path()
    sync_api.expect.set_options(timeout=PAGE_TIMEOUT)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGS)
        page = browser.new_page()
        page.goto(demo.collector.login)
        page.get_by_role("button", name="Sign in").click()
        sync_api.expect(page).to_have_url(re.compile("/events"))
        with page.expect_request("**/live*"):
            page.goto(f"{demo.collector.url}/events?live=1")
        for app in ("shop", "bank"):
            fail_to_log_in(demo.sites[app], 77)
        row: Any = page.get_by_role("row").filter(has_text="203.0.113.77")
        sync_api.expect(row).to_have_count(2)
        browser.close()
