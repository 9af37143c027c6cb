"""Test the dashboard in a real browser."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # no stubs
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from sqreen_mw.collector.auth import SESSION_COOKIE
from tests.collector.dashboard.running_collector import (
    RunningCollector,
    make_event,
    running_collector,
    send_heartbeat,
    served,
)
from tests.support.chromium import ARGS, PAGE_TIMEOUT

pytestmark = pytest.mark.browser

MINUTE = 60_000
HOUR = 60 * MINUTE
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]

Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Return a Chromium that ends with this module."""
    expect.set_options(timeout=PAGE_TIMEOUT)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        yield launched
        launched.close()


@pytest.fixture
def url(collector: RunningCollector) -> Iterator[str]:
    """Return the address of a running collector."""
    with served(collector.app) as address:
        yield address


@pytest.fixture
def open_page(browser: Browser, collector: RunningCollector, url: str) -> Iterator[Opener]:
    """Return a function that opens pages. No page may log errors or use other hosts."""
    errors: list[str] = []
    contexts = []

    def opened(path: str, *, logged_in: bool = True, expected: int = 200, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, **options)
        contexts.append(context)
        if logged_in:
            cookie = {"name": SESSION_COOKIE, "value": collector.session(), "url": url}
            context.add_cookies([cookie])  # type: ignore[list-item]  # playwright's own dictionary
        page = context.new_page()
        page.set_default_timeout(PAGE_TIMEOUT)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: _collect_error(message, expected, errors))
        page.on("request", lambda request: _check_host(request.url, url, errors))
        page.goto(url + path, wait_until="load")
        return page

    yield opened
    for context in contexts:
        context.close()

    assert errors == []


def _collect_error(message: Any, expected: int, errors: list[str]) -> None:
    # Violations of the content security policy are console errors too.
    if message.type == "error" and f"status of {expected}" not in message.text:
        errors.append(message.text)


def _check_host(address: str, url: str, errors: list[str]) -> None:
    if urlsplit(address).netloc != urlsplit(url).netloc and not address.startswith("data:"):
        errors.append(f"fetched {address}")


def names(page: Page) -> Locator:
    """Return the locator of the event names in the list."""
    return page.locator("#rows .event-name")


def fill(collector: RunningCollector, count: int = 60) -> str:
    """Store some events and return the key of the newest."""
    people = [{"email": f"user{n}@example.org", "id": n} for n in range(3)]
    events = [
        make_event(
            ("order.paid", "coupon.applied", "sq.sdk.users.login")[n % 3],
            ago=n * 20 * MINUTE,
            ip=f"203.0.113.{n}",
            properties={"success": False, "basket": {"items": [n, n + 1]}, "note": "x" * 80},
            user_identifiers=people[n % 3],
        )
        for n in range(count)
    ]
    collector.store(*events)
    collector.store(make_event("cron.done", ago=30 * 24 * HOUR))
    return f"shop/{events[0].id}"


PAGES = {
    "explorer": "/events",
    "filtered": "/events?event=order.*&ip=203.0.113.0/24&live=1",
    "drawer": "/events?open={key}",
    "event": "/events/{key}",
    "no match": "/events?q=nothing",
    "invalid": "/events?ip=nothing",
    "missing": "/nowhere",
    "overview": "/overview",
}


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1440), ("dark", 390)], ids=["light-wide", "dark-narrow"]
)
def test_pages_are_accessible(
    collector: RunningCollector, url: str, open_page: Opener, *, scheme: str, width: int
) -> None:
    """No page violates a WCAG 2.2 AA rule of axe or scrolls sideways."""
    empty = open_page("/events", color_scheme=scheme)
    empty.set_viewport_size({"width": width, "height": 900})
    found = [f"onboarding: {violation}" for violation in violations(empty)]
    empty.goto(f"{url}/overview")
    found += [f"empty overview: {violation}" for violation in violations(empty)]
    empty.goto("about:blank")
    key = fill(collector, 12)
    report_trouble(collector)
    login = open_page("/login", logged_in=False, color_scheme=scheme)
    login.set_viewport_size({"width": width, "height": 900})
    found += [f"login: {violation}" for violation in violations(login)]
    for name, path in PAGES.items():
        status = {"invalid": 400, "missing": 404}.get(name, 200)
        page = open_page(path.format(key=key), color_scheme=scheme, expected=status)
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{name}: {violation}" for violation in violations(page)]
        page.close()

    assert sorted(set(found)) == []


def report_trouble(collector: RunningCollector) -> None:
    """Report a lossy, a silent and an ended instance, and one with a wrong clock."""
    send_heartbeat(collector, delivered=9000, waiting=3, dropped={"overflow": 1200, "too_large": 4})
    send_heartbeat(collector, app="bank", ago=14 * MINUTE, waiting=37, delivered=5)
    send_heartbeat(collector, instance_id="ended", ended=True, delivered=3)
    send_heartbeat(
        collector, instance_id="late", skew=HOUR, misuse={"name_type": 3}, release="2026.11.2"
    )


def violations(page: Page) -> list[str]:
    """Return the violations that axe finds, and sideways scrolling."""
    options = {"runOnly": RULES, "resultTypes": ["violations"]}
    result = Axe().run(page, options=options).response
    found = [
        f"{violation['id']}: {node['html'][:120]}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]
    wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [*found, f"scrolls sideways by {wider}"] if wider > 0 else found


def test_overview_refreshes_itself(collector: RunningCollector, open_page: Opener) -> None:
    """A loss appears without a reload, and open sections stay open."""
    send_heartbeat(collector, delivered=1)
    send_heartbeat(collector, instance_id="ended", ended=True)
    page = open_page("/overview")
    page.clock.install()
    page.reload()
    expect(page.locator("#loss-summary")).to_contain_text("No event lost")
    page.click(".past summary")
    page.evaluate("document.activeElement.blur()")
    send_heartbeat(collector, delivered=1, dropped={"overflow": 1200})

    page.clock.run_for(15_000)

    expect(page.locator("#loss-summary")).to_contain_text("1,200 events lost")
    assert page.locator(".past").evaluate("past => past.open")


def test_filter_replaces_the_list_and_back_restores_it(
    collector: RunningCollector, url: str, open_page: Opener
) -> None:
    """A filter replaces the list in place, and the back button restores it."""
    fill(collector)
    page = open_page("/events")
    page.evaluate("window.stayed = true")

    page.fill("#filter-event", "order.*")
    page.keyboard.press("Enter")
    page.wait_for_url("**/events?event=order.*")
    expect(page.locator(".chip")).to_have_count(1)
    expect(names(page)).to_have_text(["order.paid"] * 20)

    page.go_back()
    expect(page.locator(".chip")).to_have_count(0)
    expect(names(page)).to_have_count(50)
    assert page.url == f"{url}/events"
    assert page.evaluate("window.stayed")


def test_choosing_an_app_applies_immediately(
    collector: RunningCollector, open_page: Opener
) -> None:
    """A menu choice needs no button."""
    collector.store(make_event("a"), app="shop")
    collector.store(make_event("b"), app="bank")
    page = open_page("/events")

    page.focus("#filter-app")
    page.select_option("#filter-app", "bank")
    page.wait_for_url("**/events?app=bank")

    expect(names(page)).to_have_text(["b"])
    expect(page.locator("#filter-app")).to_be_focused()


def test_drawer_opens_by_click_and_closes_by_escape(
    collector: RunningCollector, url: str, open_page: Opener
) -> None:
    """A click on a row opens the event; Escape returns to the row."""
    key = fill(collector)
    page = open_page("/events")

    page.locator("#rows tr").first.locator(".cell-properties").click()
    expect(page.locator("#drawer h2")).to_be_focused()
    expect(page.locator("#drawer")).to_contain_text(key.split("/")[1])
    expect(page).to_have_url(f"{url}/events?open={key.replace('/', '%2F')}")

    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_be_hidden()
    expect(page.locator("#rows .event-name").first).to_be_focused()
    expect(page).to_have_url(f"{url}/events")

    page.go_back()
    expect(page.locator("#drawer h2")).to_be_visible()


def test_keyboard_shortcuts(collector: RunningCollector, open_page: Opener) -> None:
    """The keys j and k move in the list and the drawer follows; a slash opens the search."""
    fill(collector)
    page = open_page("/events")

    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("#rows .event-name").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#drawer h2")).to_have_text("coupon.applied")
    page.keyboard.press("k")
    expect(page.locator("#drawer h2")).to_contain_text("order.paid")
    page.keyboard.press("/")
    expect(page.locator("#filter-q")).to_be_focused()
    page.keyboard.type("jk/g")

    assert page.input_value("#filter-q") == "jk/g"


def test_keyboard_shortcuts_can_be_disabled(collector: RunningCollector, open_page: Opener) -> None:
    """Shortcuts can be disabled, for speech input (WCAG 2.1.4)."""
    fill(collector, 3)
    page = open_page("/events")
    page.click(".user-menu summary")
    page.click("text=Turn shortcuts off")
    page.keyboard.press("Escape")

    page.keyboard.press("/")
    expect(page.locator(".user-menu summary")).to_be_focused()
    page.reload()
    page.keyboard.press("/")

    expect(page.locator("#filter-q")).not_to_be_focused()


def test_hidden_tab_closes_its_stream(collector: RunningCollector, open_page: Opener) -> None:
    """A hidden tab closes its stream; a visible tab shows the missed events."""
    collector.store(make_event("before"))
    page = open_page("/events?live=1")
    state = page.locator("[data-live]")
    expect(state).to_have_attribute("data-state", "open")
    hide = (
        "value => { Object.defineProperty(document, 'hidden', { value, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')); }"
    )
    page.evaluate(hide, True)
    collector.store(make_event("meanwhile"))
    page.wait_for_timeout(300)
    expect(names(page)).to_have_text(["before"])

    page.evaluate(hide, False)

    expect(names(page)).to_have_text(["meanwhile", "before"])


def test_drag_across_the_chart_sets_the_range(
    collector: RunningCollector, open_page: Opener
) -> None:
    """The dragged bars become the range of the URL."""
    fill(collector)
    page = open_page("/events")
    box = page.locator("[data-brush]").bounding_box()
    assert box is not None
    start, end = (
        int(page.locator("[data-brush]").get_attribute(f"data-{edge}") or 0)
        for edge in ("start", "end")
    )

    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60, steps=4)
    page.mouse.up()
    page.wait_for_url("**/events?*from=*")

    given = dict(pair.split("=") for pair in urlsplit(page.url).query.split("&"))
    bar = 30 * MINUTE
    dragged = start + (end - start) * 0.5, start + (end - start) * 0.75
    assert dragged[0] - bar <= int(given["from"]) <= dragged[0]
    assert dragged[1] <= int(given["to"]) <= dragged[1] + bar
    assert int(given["from"]) % bar == int(given["to"]) % bar == 0
    expect(page.locator("#scope")).to_contain_text("custom range")


def test_chart_is_one_tab_stop_with_arrow_keys(
    collector: RunningCollector, open_page: Opener
) -> None:
    """Arrow keys reach each bar and its label; Enter opens its range."""
    fill(collector)
    page = open_page("/events")
    bars = page.locator(".bar")

    assert bars.evaluate_all("bars => bars.filter(bar => bar.tabIndex === 0).length") == 1
    bars.first.focus()
    page.keyboard.press("ArrowRight")
    label = bars.nth(1).get_attribute("aria-label") or ""
    expect(page.locator("#readout")).to_have_text(label)
    page.keyboard.press("Enter")
    page.wait_for_url("**/events?from=*")


def test_older_events_are_appended(collector: RunningCollector, open_page: Opener) -> None:
    """The button appends the next page and disappears at the end."""
    fill(collector)
    page = open_page("/events")
    expect(page.locator("#rows tr")).to_have_count(50)

    page.click("#older")

    expect(page.locator("#rows tr")).to_have_count(60)
    expect(page.locator("#older")).to_have_count(0)
    assert page.url.endswith("/events")


def test_live_tail_shows_stored_events(collector: RunningCollector, open_page: Opener) -> None:
    """New events appear on top and are announced, and the chart follows."""
    fill(collector)
    page = open_page("/events")
    page.keyboard.press("g")
    page.wait_for_url("**/events?live=1")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "open")
    page.mouse.move(0, 0)

    collector.store(make_event("brand.new"), make_event("from.the.past", ago=5 * HOUR))

    expect(page.locator("#rows tr").first).to_contain_text("from.the.past")
    expect(page.locator("#rows tr").first.locator(".badge")).to_contain_text("+5 h")
    expect(page.locator("#rows tr").nth(1)).to_contain_text("brand.new")
    expect(page.get_by_role("status")).to_contain_text("2 new")
    expect(page.locator("#scope strong")).to_have_text("62")


def test_live_tail_respects_filters_and_can_be_paused(
    collector: RunningCollector, url: str, open_page: Opener
) -> None:
    """Only matching events appear, and none after pause."""
    collector.store(make_event("seen"))
    page = open_page("/events?event=seen&live=1")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "open")
    collector.store(make_event("other"))
    collector.store(make_event("seen"))
    expect(page.locator("#rows tr")).to_have_count(2)

    page.click("#live")
    expect(page.locator("[data-live]")).to_have_count(0)
    collector.store(make_event("seen"))

    expect(names(page)).to_have_text(["seen", "seen"])
    expect(page).to_have_url(f"{url}/events?event=seen")


def test_live_tail_fills_an_empty_list(collector: RunningCollector, open_page: Opener) -> None:
    """The first match replaces the message of an empty list."""
    collector.store(make_event("other"))
    page = open_page("/events?event=rare&live=1")
    expect(page.locator("#empty")).to_be_visible()
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "open")

    collector.store(make_event("rare"))

    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.locator("#empty")).to_have_count(0)


def test_first_event_opens_the_explorer(collector: RunningCollector, open_page: Opener) -> None:
    """The onboarding page becomes the Explorer at the first event."""
    page = open_page("/events")
    expect(page.locator("[data-first-event]")).to_have_attribute("data-state", "open")

    collector.store(make_event("very.first"))

    page.wait_for_url("**/events?live=1")
    expect(names(page)).to_have_text(["very.first"])


def test_onboarding_snippets_can_be_copied(collector: RunningCollector, open_page: Opener) -> None:
    """Each snippet can be copied, and the tabs show one at a time."""
    page = open_page("/events", permissions=["clipboard-read", "clipboard-write"])
    page.evaluate("window.setTimeout = () => 0")  # keeps the confirmation visible

    page.get_by_label("Copy settings").click()
    expect(page.locator(".copy.done")).to_have_count(1)
    copied = page.evaluate("navigator.clipboard.readText()")
    page.get_by_text("Flask", exact=True).click()

    assert f"SQREEN_TOKEN={collector.services.first_token}" in copied
    expect(page.locator(".kit-flask")).to_be_visible()
    expect(page.locator(".kit-fastapi")).to_be_hidden()


def test_browser_time_zone_is_offered(collector: RunningCollector, open_page: Opener) -> None:
    """A link switches to the browser's time zone."""
    collector.store(make_event())
    page = open_page("/events", timezone_id="Europe/Berlin")

    page.get_by_text("Show in Europe/Berlin").click()
    page.wait_for_url("**/events?tz=Europe%2FBerlin")

    expect(page.locator("thead .cell-time")).to_contain_text("UTC+0")
    expect(page.get_by_text("Show in UTC")).to_be_visible()


def test_pages_work_without_javascript(
    collector: RunningCollector, url: str, open_page: Opener
) -> None:
    """Login, filters, paging, event pages and pivots work without JavaScript."""
    fill(collector)
    collector.services.state.users.create("ann", password="a long password", role="viewer")
    page = open_page("/events", logged_in=False, java_script_enabled=False)

    page.fill("#name", "ann")
    page.fill("#password", "a long password")
    page.click("button[type=submit]")
    expect(names(page)).to_have_count(50)
    page.click("#older")
    expect(names(page)).to_have_count(10)
    page.click("text=Back to the newest")
    expect(names(page)).to_have_count(50)
    page.fill("#filter-event", "order.*")
    page.click("text=Apply")
    expect(names(page)).to_have_text(["order.paid"] * 20)
    page.click("#rows .event-name >> nth=0")
    expect(page).to_have_url(re.compile(f"^{url}/events/shop/"))
    page.click(".pivot >> nth=1")
    expect(names(page)).to_have_count(1)
    page.click(".user-menu summary")
    page.click("text=Log out")

    expect(page).to_have_url(f"{url}/login")


def mount_below_path(app: ASGIApp) -> ASGIApp:
    """Mount an application below a path."""
    return Starlette(routes=[Mount("/sq", app)])


def test_javascript_works_below_a_root_path(browser: Browser, tmp_path: Path) -> None:
    """Filters, drawer and live tail keep the root path."""
    with (
        running_collector(tmp_path / "below") as collector,
        served(mount_below_path(collector.app)) as base,
    ):
        url = f"{base}/sq"
        fill(collector)
        context = browser.new_context()
        cookie = {"name": SESSION_COOKIE, "value": collector.session(), "url": url}
        context.add_cookies([cookie])  # type: ignore[list-item]  # playwright's own dictionary
        page = context.new_page()
        page.goto(f"{url}/events?live=1")
        expect(page.locator("[data-live]")).to_have_attribute("data-state", "open")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        expect(page.locator("#drawer h2")).to_contain_text("order.paid")

        assert urlsplit(page.url).path == "/sq/events"
        context.close()
