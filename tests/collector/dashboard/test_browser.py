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

    def opened(
        path: str, *, logged_in: bool = True, expected: int | str = 200, **options: Any
    ) -> Page:
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


def _collect_error(message: Any, expected: int | str, errors: list[str]) -> None:
    # Violations of the content security policy are console errors too.
    words = expected if isinstance(expected, str) else f"status of {expected}"
    if message.type == "error" and words.lower() not in message.text.lower():
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
    "no match": "/events?q=nothing&outcome=refused&imported=true",
    "invalid": "/events?ip=nothing&identity=unknown",
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
    for name in ("order.refused", "order.crashed", "order.success"):
        collector.store(make_event(name, identity="claimed"), imported=name == "order.refused")
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


@pytest.mark.parametrize("path", ["/overview", "/events", "/login"])
def test_skip_link_moves_the_focus(
    collector: RunningCollector, open_page: Opener, path: str
) -> None:
    """The first Tab stop skips the menu, and changes nothing else."""
    collector.store(make_event())
    page = open_page(path, logged_in=path != "/login")
    page.evaluate("window.stayed = true")

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.locator("main")).to_be_focused()
    assert page.evaluate("window.stayed")


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


def test_back_closes_the_drawer_and_does_not_open_it_again(
    collector: RunningCollector, url: str, open_page: Opener
) -> None:
    """Back closes the drawer. After it was closed, Back goes to the page before the list."""
    fill(collector)
    page = open_page("/overview")
    page.goto(f"{url}/events")
    older = page.locator("#rows tr")
    page.click("#older")
    expect(older).to_have_count(60)

    page.locator("#rows .cell-user").first.click()
    expect(page.locator("#drawer h2")).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator("#drawer h2")).to_contain_text("coupon.applied")
    page.go_back()
    expect(page.locator("#drawer")).to_be_hidden()
    expect(older).to_have_count(60)
    page.go_forward()
    expect(page.locator("#drawer h2")).to_contain_text("coupon.applied")
    page.click("#drawer-close")
    expect(page.locator("#drawer")).to_be_hidden()
    page.go_back()

    expect(page).to_have_url(f"{url}/overview")
    page.goto(f"{url}/events?open={collector_key(page, url)}")
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{url}/events")


def collector_key(page: Page, url: str) -> str:
    """Return the key of the newest event."""
    page.goto(f"{url}/events")
    return page.locator("#rows tr").first.get_attribute("data-key") or ""


def test_row_opens_and_its_icons_filter(collector: RunningCollector, open_page: Opener) -> None:
    """A click anywhere in a row opens the event; the icons of a cell filter by its value."""
    fill(collector)
    page = open_page("/events")
    for cell in ("user", "ip", "request", "app"):
        page.locator(f"#rows .cell-{cell}").first.click()
        expect(page.locator("#drawer h2")).to_contain_text("order.paid")
        page.keyboard.press("Escape")
        expect(page.locator("#drawer")).to_be_hidden()
    page.mouse.move(0, 0)
    icons = page.locator("#rows .cell-user .filter-links").first
    expect(icons).to_have_css("opacity", "0")

    page.locator("#rows .cell-user").first.hover()
    expect(icons).to_have_css("opacity", "1")
    icons.get_by_label("Not ").click()

    expect(page.locator(".chip")).to_contain_text("Not User")
    expect(page.locator("#drawer")).to_be_hidden()
    expect(names(page).first).to_have_text("coupon.applied")


def test_row_is_one_tab_stop_with_arrow_keys(
    collector: RunningCollector, open_page: Opener
) -> None:
    """Tab goes from row to row; arrow keys reach the filters of a row."""
    fill(collector)
    page = open_page("/events")

    page.keyboard.press("j")
    page.keyboard.press("Tab")
    expect(names(page).nth(1)).to_be_focused()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    icon = page.locator("#rows tr").nth(1).get_by_label("Only email")
    expect(icon).to_be_focused()
    expect(page.locator("#rows tr").nth(1).locator(".cell-user .filter-links")).to_have_css(
        "opacity", "1"
    )
    page.keyboard.press("Enter")

    page.wait_for_url("**/events?user=*")
    expect(names(page)).to_have_text(["coupon.applied"] * 20)


def test_addresses_are_never_cut(collector: RunningCollector, open_page: Opener) -> None:
    """Long addresses wrap instead of ending in dots, at any width and beside the drawer."""
    address = "2001:db8:85a3:8d3:1319:8a2e:370:7348"
    collector.store(
        make_event(ip=address, user_identifiers={"email": "a" * 80}),
        make_event(ip="203.0.113.255", properties={"note": "x" * 200}),
    )
    page = open_page("/events")
    cut = """() => [...document.querySelectorAll(".cell-ip .value")].filter(
        (value) => value.scrollWidth > value.clientWidth
    ).length"""

    for width in (1920, 1440, 1180, 1024, 768, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(cut) == 0, width
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width
    page.set_viewport_size({"width": 1440, "height": 900})
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#drawer h2")).to_be_visible()
    assert page.evaluate(cut) == 0


def test_offline_filter_keeps_the_page(collector: RunningCollector, open_page: Opener) -> None:
    """Without a connection the page stays and offers to try again."""
    fill(collector)
    page = open_page("/events", expected="failed to load")
    page.context.set_offline(True)
    page.fill("#filter-event", "order.*")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Collector not reached.")
    expect(names(page)).to_have_count(50)

    page.context.set_offline(False)
    page.click("text=Retry")

    expect(names(page)).to_have_text(["order.paid"] * 20)
    expect(page.locator("#offline")).to_be_hidden()


def test_escape_clears_the_search(collector: RunningCollector, url: str, open_page: Opener) -> None:
    """Escape in the search field empties it and shows the events without it."""
    fill(collector)
    page = open_page("/events?q=nothing&range=7d")

    page.keyboard.press("/")
    page.keyboard.press("Escape")

    expect(names(page)).to_have_count(50)
    expect(page).to_have_url(f"{url}/events?range=7d")
    expect(page.locator("#filter-q")).to_have_value("")


def test_question_mark_shows_the_shortcuts(collector: RunningCollector, open_page: Opener) -> None:
    """A question mark and the button of the list open the list of shortcuts."""
    fill(collector, 3)
    page = open_page("/events")

    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("live tail on or off")
    page.keyboard.press("Escape")
    expect(page.locator("#legend")).to_be_hidden()
    page.click(".list [data-legend]")

    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []


def test_wrong_range_keeps_the_menu_open(collector: RunningCollector, open_page: Opener) -> None:
    """An end before the start is an error in the menu, beside the entered values."""
    collector.store(make_event())
    page = open_page("/events", expected=400)
    page.click(".range-menu summary")
    page.fill("[name=from]", "2026-01-02T10:00:05")
    page.fill("[name=to]", "2026-01-02T09:00:05")
    page.click("text=Show this range")

    expect(page.locator("#range-error")).to_have_text("To is before From.")
    expect(page.locator("[name=to]")).to_have_value("2026-01-02T09:00:05")
    expect(page.locator("[name=from]")).to_have_value("2026-01-02T10:00:05")
    assert violations(page) == []


def test_narrow_screen_folds_filters(collector: RunningCollector, open_page: Opener) -> None:
    """On a phone and at 200 % zoom the first event is in view; the folded filters are counted."""
    fill(collector)
    page = open_page("/events?event=order.*&app=shop")
    for width, height, lowest in ((720, 450, 430), (390, 844, 422)):
        page.set_viewport_size({"width": width, "height": height})
        box = names(page).first.bounding_box()
        assert box is not None
        assert box["y"] < lowest

    expect(page.locator("#filter-user")).to_be_hidden()
    page.click("text=Filters (2)")
    page.fill("#filter-user", "user0*")
    page.click("text=Apply")

    expect(page.get_by_text("Filters (3)")).to_be_visible()
    expect(page.locator("#filter-user")).to_be_hidden()
    expect(names(page)).to_have_text(["order.paid"] * 20)


LONG = "a-very-long-name-" * 5
CUT = """() => [...document.querySelectorAll(".chip, .user-menu summary, .steps .code, td.figure")]
    .filter((element) => element.checkVisibility())
    .filter((element) => element.scrollWidth > element.clientWidth + 1
        || element.getBoundingClientRect().right > innerWidth)
    .map((element) => element.textContent)"""


@pytest.mark.parametrize("width", [320, 360, 768])
def test_long_values_fit_narrow_screens(
    collector: RunningCollector, url: str, open_page: Opener, width: int
) -> None:
    """Tokens, filters, long names, text from right to left and large numbers are not cut."""
    page = open_page("/events")
    page.set_viewport_size({"width": width, "height": 780})
    fitting = [page.evaluate(CUT)]
    page.goto("about:blank")
    properties = {f"{LONG}{n}": "قيمة طويلة " * 20 if n % 2 else 2**53 - 1 for n in range(16)}
    event = make_event(
        LONG,
        ip="2001:db8:85a3:8d3:1319:8a2e:370:7348",
        properties=properties,
        user_identifiers={"email": f"{LONG}@example.org"},
    )
    collector.store(event, app=LONG)
    send_heartbeat(collector, app=LONG, host=LONG, delivered=2**53, dropped={"overflow": 10**12})
    for path in (
        "/events",
        f"/events?q={LONG}&event={LONG}*&ip=2001:db8::/32&user={LONG}*&app={LONG}&-event=x",
        f"/events/{LONG}/{event.id}",
        "/overview",
    ):
        page.goto(url + path)
        fitting.append(page.evaluate(CUT))
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path

    assert fitting == [[]] * 5


def test_opened_row_keeps_its_place(collector: RunningCollector, open_page: Opener) -> None:
    """The drawer narrows the list; the opened row stays in view, also when it closes."""
    fill(collector)
    page = open_page("/events?event=*&ip=203.0.113.0/24&user=user*")
    inside = """row => { const box = row.getBoundingClientRect();
        return box.top >= 48 && box.bottom <= innerHeight; }"""
    for width, nth in ((1440, 19), (1190, 3), (1300, 12)):
        page.set_viewport_size({"width": width, "height": 700})
        row = page.locator("#rows tr").nth(nth)
        row.scroll_into_view_if_needed()
        row.locator(".cell-request").click()
        expect(page.locator("#drawer h2")).to_be_focused()
        page.wait_for_function(inside, arg=row.element_handle())
        page.keyboard.press("Escape")
        expect(page.locator("#drawer")).to_be_hidden()
        page.wait_for_function(inside, arg=row.element_handle())


def test_users_are_suggested(collector: RunningCollector, open_page: Opener) -> None:
    """Typing in the user field suggests users that begin with the text."""
    collector.store(make_event(ago=90 * 24 * HOUR, user_identifiers={"email": "zoe@example.org"}))
    page = open_page("/events")

    page.locator("#filter-user").press_sequentially("ZO")

    expect(page.locator("#known-user option")).to_have_attribute("value", "zoe@example.org")


def test_zoom_out_undoes_zooming(collector: RunningCollector, open_page: Opener) -> None:
    """After two bars the minus widens the range, and one link returns to 24 hours."""
    fill(collector)
    page = open_page("/events")
    for _ in range(2):
        page.locator(".bar:has(.fill)").first.click()
        page.wait_for_url("**/events?from=*")
        expect(page.locator("#zoom-out")).to_be_visible()
    before = page.url
    page.click("#zoom-out")
    page.wait_for_function("before => location.href !== before", arg=before)
    page.get_by_text("Widen to 24 h").click()

    expect(page.locator("#scope strong")).to_have_text("60")


def test_keyboard_shortcuts(collector: RunningCollector, open_page: Opener) -> None:
    """The keys j and k move in the list and the drawer follows; a slash opens the search."""
    fill(collector)
    page = open_page("/events")

    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("#rows .event-name").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#drawer h2")).to_contain_text("coupon.applied")
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

    late = page.locator("#rows tr:has-text('from.the.past')")
    expect(late.locator(".badge").last).to_contain_text("+5 h")
    expect(page.locator("#rows tr").first).to_contain_text("brand.new")
    expect(page.get_by_role("status")).to_contain_text("2 since you opened this page")
    times = page.locator("#rows tr").evaluate_all("rows => rows.map(row => Number(row.dataset.at))")
    assert times == sorted(times, reverse=True)
    expect(page.locator("#scope strong")).to_have_text("62")


def test_live_event_below_the_list_is_counted(
    collector: RunningCollector, open_page: Opener
) -> None:
    """An event that belongs to the older events is announced, not put between newer ones."""
    fill(collector)
    page = open_page("/events?live=1")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "open")

    collector.store(make_event("from.the.past", ago=18 * HOUR), make_event("brand.new"))

    expect(page.get_by_role("status")).to_contain_text("2 since you opened this page, 1 below")
    expect(page.locator("#rows tr")).to_have_count(51)


def test_long_live_tail_drops_the_oldest_rows(
    collector: RunningCollector, url: str, open_page: Opener
) -> None:
    """Above 1,000 rows each new row replaces the oldest, and the reader's place stays."""
    fill(collector)
    page = open_page("/events?live=1")
    page.evaluate("""() => {
        const rows = [...document.querySelectorAll("#rows > tr")];
        const at = Number(rows.at(-1).dataset.at);
        for (let n = 50; n < 1000; n += 1) {
            const row = rows.at(-1).cloneNode(true);
            row.dataset.key = `copy/${n}`;
            row.dataset.at = at - n;
            document.querySelector("#rows").append(row);
        }
    }""")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "open")
    kept = page.locator("#rows tr").nth(998)
    kept_key = kept.get_attribute("data-key")
    reading = page.locator("#rows tr[data-key='copy/500']")
    reading.evaluate("row => row.scrollIntoView({ block: 'center' })")
    before = reading.bounding_box()

    collector.store(make_event("brand.new"), make_event("brand.new"))
    expect(page.locator("#rows tr", has_text="brand.new")).to_have_count(2)
    expect(page.locator("#foot")).to_have_text("2 older rows left the view. Pause and list them")
    collector.store(make_event("from.the.past", ago=24 * HOUR - MINUTE))

    expect(page.get_by_role("status")).to_contain_text("3 since you opened this page, 1 below")
    expect(page.locator("#rows tr")).to_have_count(1000)
    expect(page.locator(f"#rows tr[data-key='{kept_key}']")).to_have_count(0)
    after = reading.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(after["y"] - before["y"]) < 1
    page.click("text=Pause and list them")
    expect(page.locator("#older")).to_be_visible()
    expect(page).to_have_url(f"{url}/events")


def test_live_tail_keeps_the_row_in_use(collector: RunningCollector, open_page: Opener) -> None:
    """The opened row and the row with the focus stay when older rows leave."""
    fill(collector, 3)
    page = open_page("/events?live=1")
    page.evaluate("""() => {
        const last = document.querySelector("#rows > tr:last-child");
        for (let n = 3; n < 1000; n += 1) {
            const row = last.cloneNode(true);
            row.dataset.key = `copy/${n}`;
            last.before(row);
        }
    }""")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "open")
    last = page.locator("#rows tr:last-child .event-name")
    name = last.inner_text()
    last.focus()

    collector.store(make_event("brand.new"), make_event("brand.new"))

    expect(page.locator("#foot")).to_contain_text("2 older rows left the view")
    expect(page.locator("#rows tr")).to_have_count(1000)
    expect(last).to_be_focused()
    assert last.inner_text() == name


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


def test_copy_works_without_the_clipboard(
    collector: RunningCollector, url: str, open_page: Opener
) -> None:
    """Browsers offer no clipboard over plain HTTP; the copy buttons work all the same."""
    page = open_page("/events", permissions=["clipboard-read", "clipboard-write"])
    page.evaluate("window.setTimeout = () => 0")  # keeps the confirmation visible
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")

    page.get_by_label("Copy settings").click()
    expect(page.locator(".copy.done")).to_have_count(1)
    page.goto(f"{url}/login")

    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"SQREEN_TOKEN={collector.services.first_token}" in copied


def test_browser_time_zone_is_remembered(
    collector: RunningCollector, url: str, open_page: Opener
) -> None:
    """A button switches all pages to the browser's time zone, and back."""
    collector.store(make_event())
    send_heartbeat(collector)
    page = open_page("/events?q=coupon", timezone_id="Europe/Berlin")

    page.get_by_text("Show in Europe/Berlin").click()
    expect(page.locator("thead .cell-time")).to_contain_text("UTC+0")
    expect(page).to_have_url(f"{url}/events?q=coupon")
    page.goto(f"{url}/overview")
    expect(page.locator(".legend .per")).to_contain_text("UTC+0")
    page.get_by_text("Show in UTC").click()

    expect(page.locator(".legend .per")).to_have_text("per 5 min, UTC")
    expect(page).to_have_url(f"{url}/overview")


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
    page.click("text=Sign out")

    expect(page).to_have_url(f"{url}/login")


def test_row_filters_and_time_zone_work_without_javascript(
    collector: RunningCollector, url: str, open_page: Opener
) -> None:
    """Without JavaScript there is no live button; row filters and the time zone work."""
    fill(collector)
    page = open_page("/events?live=1", java_script_enabled=False)
    expect(page.locator("#live")).to_be_hidden()
    assert "needs JavaScript" in page.locator("#tail").inner_text()

    page.locator("#rows .cell-event").first.hover()
    page.get_by_label("Not event order.paid").first.click()
    expect(names(page).first).to_have_text("coupon.applied")
    page.click(".user-menu summary")
    page.fill("#zone", "Asia/Kolkata")
    page.click(".zone >> text=Use")

    expect(page.locator("thead .cell-time")).to_contain_text("UTC+05:30")
    expect(page).to_have_url(re.compile(f"^{url}/events.*-event=order.paid"))


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
