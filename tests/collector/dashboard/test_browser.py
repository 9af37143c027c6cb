"""The dashboard in a real browser: what JavaScript adds, and what must hold without it."""

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
from tests.collector.dashboard.world import World, beat, served, told, world
from tests.support.chromium import ARGS, PAGE_TIMEOUT

pytestmark = pytest.mark.browser

MINUTE = 60_000
HOUR = 60 * MINUTE
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]

Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Return a running Chromium; it ends with this module, so that its event loop does too."""
    expect.set_options(timeout=PAGE_TIMEOUT)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        yield launched
        launched.close()


@pytest.fixture
def url(here: World) -> Iterator[str]:
    """Return the address of a collector that is served."""
    with served(here.app) as address:
        yield address


@pytest.fixture
def visit(browser: Browser, here: World, url: str) -> Iterator[Opener]:
    """Return how to open a page; at the end nothing may have been reported or fetched elsewhere."""
    complaints: list[str] = []
    contexts = []

    def opened(path: str, *, signed_in: bool = True, expected: int = 200, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, **options)
        contexts.append(context)
        if signed_in:
            cookie = {"name": SESSION_COOKIE, "value": here.session(), "url": url}
            context.add_cookies([cookie])  # type: ignore[list-item]  # playwright's own dictionary
        page = context.new_page()
        page.set_default_timeout(PAGE_TIMEOUT)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: _note(message, expected, complaints))
        page.on("request", lambda request: _elsewhere(request.url, url, complaints))
        page.goto(url + path, wait_until="load")
        return page

    yield opened
    for context in contexts:
        context.close()

    assert complaints == []


def _note(message: Any, expected: int, complaints: list[str]) -> None:
    # Policy reports come as errors too; a status that the test asked for is none.
    if message.type == "error" and f"status of {expected}" not in message.text:
        complaints.append(message.text)


def _elsewhere(address: str, url: str, complaints: list[str]) -> None:
    if urlsplit(address).netloc != urlsplit(url).netloc and not address.startswith("data:"):
        complaints.append(f"fetched {address}")


def names(page: Page) -> Locator:
    """Return where the names of the events in the list are, from the top down."""
    return page.locator("#rows .event-name")


def fill(here: World, count: int = 60) -> str:
    """Store some events, and return the key of the newest."""
    people = [{"email": f"user{n}@example.org", "id": n} for n in range(3)]
    events = [
        told(
            ("order.paid", "coupon.applied", "sq.sdk.users.login")[n % 3],
            ago=n * 20 * MINUTE,
            ip=f"203.0.113.{n}",
            properties={"success": False, "basket": {"items": [n, n + 1]}, "note": "x" * 80},
            user_identifiers=people[n % 3],
        )
        for n in range(count)
    ]
    here.put(*events)
    here.put(told("cron.done", ago=30 * 24 * HOUR))
    return f"shop/{events[0].id}"


PAGES = {
    "explorer": "/events",
    "filtered": "/events?event=order.*&ip=203.0.113.0/24&live=1",
    "drawer": "/events?open={key}",
    "event": "/events/{key}",
    "no match": "/events?q=nothing",
    "fault": "/events?ip=nothing",
    "missing": "/nowhere",
    "overview": "/overview",
}


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1440), ("dark", 390)], ids=["light-wide", "dark-narrow"]
)
def test_no_page_keeps_anybody_out(
    here: World, url: str, visit: Opener, *, scheme: str, width: int
) -> None:
    """No page breaks a rule of WCAG 2.2 AA that axe knows, nor scrolls sideways."""
    empty = visit("/events", color_scheme=scheme)
    empty.set_viewport_size({"width": width, "height": 900})
    found = [f"first steps: {fault}" for fault in faults(empty)]
    empty.goto(f"{url}/overview")
    found += [f"empty overview: {fault}" for fault in faults(empty)]
    empty.goto("about:blank")
    key = fill(here, 12)
    troubled(here)
    login = visit("/login", signed_in=False, color_scheme=scheme)
    login.set_viewport_size({"width": width, "height": 900})
    found += [f"login: {fault}" for fault in faults(login)]
    for name, path in PAGES.items():
        status = {"fault": 400, "missing": 404}.get(name, 200)
        page = visit(path.format(key=key), color_scheme=scheme, expected=status)
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{name}: {fault}" for fault in faults(page)]
        page.close()

    assert sorted(set(found)) == []


def troubled(here: World) -> None:
    """Have one process lose events, one fall silent, one end, and one with a clock that is off."""
    beat(here, delivered=9000, waiting=3, dropped={"overflow": 1200, "too_large": 4})
    beat(here, app="bank", ago=14 * MINUTE, waiting=37, delivered=5)
    beat(here, instance_id="ended", ended=True, delivered=3)
    beat(here, instance_id="late", skew=HOUR, misuse={"name_type": 3}, release="2026.11.2")


def faults(page: Page) -> list[str]:
    """Return what axe finds wrong, and how far the page can be scrolled sideways."""
    options = {"runOnly": RULES, "resultTypes": ["violations"]}
    result = Axe().run(page, options=options).response
    found = [
        f"{violation['id']}: {node['html'][:120]}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]
    wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [*found, f"scrolls sideways by {wider}"] if wider > 0 else found


def test_the_overview_renews_itself(here: World, visit: Opener) -> None:
    """A loss appears without a reload, and what the reader has unfolded stays unfolded."""
    beat(here, delivered=1)
    beat(here, instance_id="ended", ended=True)
    page = visit("/overview")
    page.clock.install()
    page.reload()
    expect(page.locator("#verdict")).to_contain_text("No event lost")
    page.click(".past summary")
    page.evaluate("document.activeElement.blur()")
    beat(here, delivered=1, dropped={"overflow": 1200})

    page.clock.run_for(15_000)

    expect(page.locator("#verdict")).to_contain_text("1,200 events lost")
    assert page.locator(".past").evaluate("past => past.open")


def test_a_filter_needs_no_reload_and_back_undoes_it(here: World, url: str, visit: Opener) -> None:
    """Applying a filter swaps the list in place, and the back button brings the old one back."""
    fill(here)
    page = visit("/events")
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


def test_choosing_an_app_applies_at_once(here: World, visit: Opener) -> None:
    """A choice from a list needs no further button."""
    here.put(told("a"), app="shop")
    here.put(told("b"), app="bank")
    page = visit("/events")

    page.focus("#filter-app")
    page.select_option("#filter-app", "bank")
    page.wait_for_url("**/events?app=bank")

    expect(names(page)).to_have_text(["b"])
    expect(page.locator("#filter-app")).to_be_focused()


def test_the_drawer_opens_by_mouse_and_closes_by_key(here: World, url: str, visit: Opener) -> None:
    """A click anywhere on a row shows the event; Escape goes back to the row it came from."""
    key = fill(here)
    page = visit("/events")

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


def test_keys_move_open_and_search(here: World, visit: Opener) -> None:
    """The keys j and k walk the list, with the drawer following; a slash goes to the search."""
    fill(here)
    page = visit("/events")

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


def test_keys_can_be_turned_off(here: World, visit: Opener) -> None:
    """Single keys can be switched off, for those who speak to their browser (WCAG 2.1.4)."""
    fill(here, 3)
    page = visit("/events")
    page.click(".user-menu summary")
    page.click("text=Turn shortcuts off")
    page.keyboard.press("Escape")

    page.keyboard.press("/")
    expect(page.locator(".user-menu summary")).to_be_focused()
    page.reload()
    page.keyboard.press("/")

    expect(page.locator("#filter-q")).not_to_be_focused()


def test_a_hidden_tab_gives_its_connection_back(here: World, visit: Opener) -> None:
    """A tab in the background does not listen; back in front it shows what it has missed."""
    here.put(told("before"))
    page = visit("/events?live=1")
    state = page.locator("[data-live]")
    expect(state).to_have_attribute("data-state", "open")
    hide = (
        "value => { Object.defineProperty(document, 'hidden', { value, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')); }"
    )
    page.evaluate(hide, True)
    here.put(told("meanwhile"))
    page.wait_for_timeout(300)
    expect(names(page)).to_have_text(["before"])

    page.evaluate(hide, False)

    expect(names(page)).to_have_text(["meanwhile", "before"])


def test_dragging_over_the_chart_narrows_the_range(here: World, visit: Opener) -> None:
    """The bars from where the drag began to where it ended are in the URL, and are shown."""
    fill(here)
    page = visit("/events")
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


def test_the_chart_is_one_tab_stop_with_arrows(here: World, visit: Opener) -> None:
    """Bars are reached by arrow keys, tell what they count, and narrow on Enter."""
    fill(here)
    page = visit("/events")
    bars = page.locator(".bar")

    assert bars.evaluate_all("bars => bars.filter(bar => bar.tabIndex === 0).length") == 1
    bars.first.focus()
    page.keyboard.press("ArrowRight")
    label = bars.nth(1).get_attribute("aria-label") or ""
    expect(page.locator("#readout")).to_have_text(label)
    page.keyboard.press("Enter")
    page.wait_for_url("**/events?from=*")


def test_older_events_are_appended(here: World, visit: Opener) -> None:
    """The button adds the next page below what is there, and says when that is all."""
    fill(here)
    page = visit("/events")
    expect(page.locator("#rows tr")).to_have_count(50)

    page.click("#older")

    expect(page.locator("#rows tr")).to_have_count(60)
    expect(page.locator("#older")).to_have_count(0)
    assert page.url.endswith("/events")


def test_live_tail_shows_what_is_stored(here: World, visit: Opener) -> None:
    """A new event appears on top without a reload, is counted aloud, and the chart follows."""
    fill(here)
    page = visit("/events")
    page.keyboard.press("g")
    page.wait_for_url("**/events?live=1")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "open")
    page.mouse.move(0, 0)

    here.put(told("brand.new"), told("from.the.past", ago=5 * HOUR))

    expect(page.locator("#rows tr").first).to_contain_text("from.the.past")
    expect(page.locator("#rows tr").first.locator(".badge")).to_contain_text("+5 h")
    expect(page.locator("#rows tr").nth(1)).to_contain_text("brand.new")
    expect(page.get_by_role("status")).to_contain_text("2 new")
    expect(page.locator("#scope strong")).to_have_text("62")


def test_live_tail_respects_filters_and_can_be_paused(here: World, url: str, visit: Opener) -> None:
    """Only what matches appears; pausing is a link, and nothing moves after it."""
    here.put(told("seen"))
    page = visit("/events?event=seen&live=1")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "open")
    here.put(told("other"))
    here.put(told("seen"))
    expect(page.locator("#rows tr")).to_have_count(2)

    page.click("#live")
    expect(page.locator("[data-live]")).to_have_count(0)
    here.put(told("seen"))

    expect(names(page)).to_have_text(["seen", "seen"])
    expect(page).to_have_url(f"{url}/events?event=seen")


def test_live_tail_wakes_an_empty_list(here: World, visit: Opener) -> None:
    """Where nothing matched yet, the first match takes the place of the apology."""
    here.put(told("other"))
    page = visit("/events?event=rare&live=1")
    expect(page.locator("#empty")).to_be_visible()
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "open")

    here.put(told("rare"))

    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.locator("#empty")).to_have_count(0)


def test_the_first_event_opens_the_explorer(here: World, visit: Opener) -> None:
    """The page of the first steps becomes the Explorer by itself."""
    page = visit("/events")
    expect(page.locator("[data-first-event]")).to_have_attribute("data-state", "open")

    here.put(told("very.first"))

    page.wait_for_url("**/events?live=1")
    expect(names(page)).to_have_text(["very.first"])


def test_copying_and_tabs_on_the_first_steps(here: World, visit: Opener) -> None:
    """Each snippet can be copied as it is, and the tabs show one at a time."""
    page = visit("/events", permissions=["clipboard-read", "clipboard-write"])
    page.evaluate("window.setTimeout = () => 0")  # it says so until it is seen

    page.get_by_label("Copy settings").click()
    expect(page.locator(".copy.done")).to_have_count(1)
    copied = page.evaluate("navigator.clipboard.readText()")
    page.get_by_text("Flask", exact=True).click()

    assert f"SQREEN_TOKEN={here.services.first_token}" in copied
    expect(page.locator(".kit-flask")).to_be_visible()
    expect(page.locator(".kit-fastapi")).to_be_hidden()


def test_the_readers_own_zone_is_offered(here: World, visit: Opener) -> None:
    """A browser elsewhere gets a link to its own time, which the URL then carries."""
    here.put(told())
    page = visit("/events", timezone_id="Europe/Berlin")

    page.get_by_text("Show in Europe/Berlin").click()
    page.wait_for_url("**/events?tz=Europe%2FBerlin")

    expect(page.locator("thead .cell-time")).to_contain_text("UTC+0")
    expect(page.get_by_text("Show in UTC")).to_be_visible()


def test_everything_else_works_without_javascript(here: World, url: str, visit: Opener) -> None:
    """Signing in, filters, paging, an event's page and its pivots are plain links and forms."""
    fill(here)
    here.services.state.users.create("ann", password="a long password", role="viewer")
    page = visit("/events", signed_in=False, java_script_enabled=False)

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


def below(app: ASGIApp) -> ASGIApp:
    """Return an application that has another one below a path."""
    return Starlette(routes=[Mount("/sq", app)])


def test_it_works_below_a_root_path(browser: Browser, tmp_path: Path) -> None:
    """Behind a proxy with a path, a filter, the drawer and live tail stay below it."""
    with world(tmp_path / "below") as here, served(below(here.app)) as base:
        url = f"{base}/sq"
        fill(here)
        context = browser.new_context()
        cookie = {"name": SESSION_COOKIE, "value": here.session(), "url": url}
        context.add_cookies([cookie])  # type: ignore[list-item]  # playwright's own dictionary
        page = context.new_page()
        page.goto(f"{url}/events?live=1")
        expect(page.locator("[data-live]")).to_have_attribute("data-state", "open")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        expect(page.locator("#drawer h2")).to_contain_text("order.paid")

        assert urlsplit(page.url).path == "/sq/events"
        context.close()
