"""The Explorer's pages, as a browser without JavaScript sees them."""

import html
import re
from urllib.parse import urlencode

import pytest
from msgspec import structs
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.dashboard.csp import CONTENT_SECURITY_POLICY
from sqreen_mw.collector.dashboard.page import Page
from sqreen_mw.collector.dashboard.visit import Visit
from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP
from tests.collector.dashboard.world import World, told

MINUTE = 60_000
HOUR = 60 * MINUTE


def names_on(text: str) -> list[str]:
    """Return the names of the events on a page, from the top down."""
    return re.findall(r'<span class="dot hue-\d"></span>([^<]+)</a>', text)


def links_on(text: str, text_of_link: str) -> str:
    """Return the address of the first link with a text."""
    found = re.search(rf'<a [^>]*href="([^"]*)"[^>]*>{re.escape(text_of_link)}', text)
    assert found is not None
    return html.unescape(found[1])


def test_events_are_listed_newest_first(here: World, client: TestClient) -> None:
    """The list is in order of the events' own time, and the count is that of the whole range."""
    here.put(told("second", ago=2 * MINUTE), told("third", ago=MINUTE), told("first", ago=HOUR))

    text = client.get("/events").text

    assert names_on(text) == ["third", "second", "first"]
    assert "<strong>3</strong> events" in text


def test_every_filter_narrows(here: World, client: TestClient) -> None:
    """Event, address, user, text, app and environment each leave only what fits."""
    here.put(
        told("order.paid", ip="203.0.113.7", user_identifiers={"email": "ann@example.org"}),
        app="bank",
        env="staging",
    )
    here.put(told("order.sent", ip="198.51.100.1", properties={"code": "AUTUMN"}))

    found = {
        query: names_on(client.get(f"/events?{query}").text)
        for query in (
            "event=*.paid", "ip=203.0.113.0/24", "user=ann@example.org", "app=bank",
            "env=staging", "q=AUTUMN", "event=order.*",
        )
    }  # fmt: skip

    paid = ["order.paid"]
    assert found == {
        "event=*.paid": paid,
        "ip=203.0.113.0/24": paid,
        "user=ann@example.org": paid,
        "app=bank": paid,
        "env=staging": paid,
        "q=AUTUMN": ["order.sent"],
        "event=order.*": ["order.sent", "order.paid"],
    }


def test_filters_show_as_chips_that_remove_them(here: World, client: TestClient) -> None:
    """Each active filter is a link to the same page without it."""
    here.put(told())

    text = client.get("/events?event=x&q=y&tz=Europe/Berlin").text

    assert links_on(text, "<span>Event</span> x") == "/events?q=y&tz=Europe%2FBerlin"
    assert links_on(text, "Clear all") == "/events?tz=Europe%2FBerlin"


def test_paging_shows_each_event_once_and_keeps_the_range(here: World, client: TestClient) -> None:
    """Following the link to older events walks through all of them, whatever arrives meanwhile."""
    here.put(*(told(f"n{n}", ago=n * MINUTE) for n in range(1, 121)))
    address: str | None = "/events"
    seen: list[str] = []
    text = ""
    while address:
        text = client.get(address).text
        seen += names_on(text)
        here.put(told("newcomer"))
        address = links_on(text, "Older events") if "Older events" in text else None

    assert seen == [f"n{n}" for n in range(1, 121)]
    assert "That is all of it" in text


@pytest.mark.parametrize("cut", [0, 1_234_567])
def test_each_bar_narrows_to_its_interval(here: World, client: TestClient, cut: int) -> None:
    """Every bar is a link whose page shows as many events as its label says, at the edges too."""
    here.put(*(told(ago=n * 10 * MINUTE) for n in range(40)))
    now = system_clock()
    query = f"?from={now - 5 * HOUR - cut}&to={now - cut}" if cut else ""
    text = client.get(f"/events{query}").text
    bars = re.findall(
        r'<a class="bar" href="([^"]*)"[^>]* aria-label="[^"]* · (\d+) events?"', text
    )

    counted = {href: int(count) for href, count in bars if count != "0"}

    assert f"<strong>{sum(counted.values())}</strong>" in text
    assert sum(counted.values()) >= 30
    for href, count in counted.items():
        assert len(names_on(client.get(html.unescape(href)).text)) == count


def test_a_bad_address_is_explained_and_nothing_is_shown(here: World, client: TestClient) -> None:
    """A filter that makes no sense is never left out in silence."""
    here.put(told())

    answer = client.get("/events?ip=203.0.113.300&event=coupon.applied")

    assert answer.status_code == 400
    assert "must be an IP address or a network" in answer.text
    assert 'value="203.0.113.300"' in answer.text
    assert names_on(answer.text) == []


def test_no_match_offers_ways_out(here: World, client: TestClient) -> None:
    """Where no event fits, the page says so and links to more."""
    here.put(told())

    text = client.get("/events?event=nothing").text

    assert "No event matches" in text
    assert links_on(text, "Look at 30 days") == "/events?range=30d&event=nothing"
    assert links_on(text, "Clear the filters") == "/events"


def test_markup_in_an_event_is_only_text(here: World, client: TestClient) -> None:
    """Nothing that an app's visitor sends becomes a part of the page."""
    evil = "<script>alert(1)<script>"
    event = told(evil, ip="203.0.113.7", properties={evil: evil}, user_identifiers={"id": evil})
    here.put(event, app=evil, env=evil)

    for path in ("/events", f"/events?q={evil}", f"/events/{evil}/{event.id}"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert evil not in answer.text
        assert html.escape(evil) in answer.text


def test_times_are_written_in_the_chosen_zone(here: World, client: TestClient) -> None:
    """The page names its zone, and a link keeps it."""
    here.put(told())

    text = client.get("/events?tz=Asia/Kolkata").text

    assert "UTC+05:30" in text
    assert "tz=Asia%2FKolkata" in links_on(text, "30d")


def test_a_part_that_takes_too_long_says_so(here: World, client: TestClient) -> None:
    """A store that fails leaves a page that says what is missing and what to do."""
    here.put(told())
    here.services.events.close()

    answer = client.get("/events")

    assert answer.status_code == 200
    assert "Count unknown" in answer.text
    assert "The list took too long." in answer.text
    assert links_on(answer.text, "Last hour") == "/events?range=1h"


def test_one_private_address_for_all_is_a_proxy(here: World, client: TestClient) -> None:
    """Where every event has one private peer, the page names the setting that is missing."""
    here.put(*(told(ip="10.0.0.5") for _ in range(12)))
    hint = "SQREEN_TRUSTED_PROXIES=10.0.0.5"

    alone = client.get("/events").text
    filtered = client.get("/events?ip=10.0.0.5").text
    here.put(told(ip="203.0.113.7"))
    mixed = client.get("/events").text

    assert [hint in text for text in (alone, filtered, mixed)] == [True, False, False]


def test_a_fault_of_ours_is_logged_and_told_kindly(
    here: World, caplog: pytest.LogCaptureFixture
) -> None:
    """An error in a page becomes a page without internals; the log has the trace."""

    async def broken(_: Visit) -> Response:
        raise RuntimeError("the secret reason")

    app = Starlette(routes=[Route("/", Page(broken, public=True), methods=["GET"])])
    app.state.services = here.services

    answer = TestClient(app).get("/")

    assert answer.status_code == 500
    assert "Something broke on our side" in answer.text
    assert "secret reason" not in answer.text
    assert "secret reason" in caplog.text


def test_a_store_that_fails_has_its_page(here: World, client: TestClient) -> None:
    """Where the one thing that a page shows can't be read, the page is a 503."""
    event = told()
    here.put(event)
    here.services.events.close()

    assert client.get(f"/events/shop/{event.id}").status_code == 503


def test_a_fast_clock_is_marked(here: World, client: TestClient) -> None:
    """An event from the future says that a clock is off."""
    event = told(ago=-2 * HOUR - 500)
    here.put(event)

    text = client.get(f"/events/shop/{event.id}").text

    assert "ahead: received 2 h before its own time: a clock is off" in text


def test_links_of_a_row_keep_the_other_filters(here: World, client: TestClient) -> None:
    """From the list, a user or an address narrows what is shown and keeps the range."""
    here.put(told(ip="203.0.113.7", user_identifiers={"email": "ann@example.org"}))

    text = client.get("/events?range=7d&event=coupon.*").text

    kept = "range=7d&event=coupon.%2A"
    assert links_on(text, "203.0.113.7") == f"/events?{kept}&ip=203.0.113.7"
    assert links_on(text, "ann@example.org") == f"/events?{kept}&user=ann%40example.org"


@pytest.mark.parametrize("who", [" lead ", "tab\tbed", "a\x00b", "line\nbreak\r", "\x7f"])
def test_the_link_of_a_value_finds_it(here: World, client: TestClient, who: str) -> None:
    """Margins and control characters are a part of a value: its link finds the one event."""
    here.put(told(who, user_identifiers={"id": who}), told(user_identifiers={"id": "lead"}))
    text = client.get("/events").text
    link = re.search(r'href="([^"]*user=[^"]*)"', text[text.index("hue-") :])
    assert link is not None

    for query in (html.unescape(link[1]), "/events?" + urlencode({"event": who})):
        found = client.get(query)
        assert found.status_code == 200
        assert "<strong>1</strong> event" in found.text


@pytest.mark.parametrize("timestamp", [MIN_TIMESTAMP, MAX_TIMESTAMP])
def test_the_ends_of_time_can_be_reached(here: World, client: TestClient, timestamp: int) -> None:
    """From the first and the last instant that an event can have, links show that event."""
    event = structs.replace(told("ancient"), timestamp=timestamp)
    here.put(event)
    text = client.get(f"/events/shop/{event.id}").text

    answers = [
        client.get(links_on(text, "<small>named</small>")),
        client.get(f"/events?at={timestamp}"),
        client.get(f"/events?from={MIN_TIMESTAMP}&to={MAX_TIMESTAMP + 1}&tz=Asia/Kolkata"),
    ]

    assert [names_on(answer.text) for answer in answers] == [["ancient"]] * 3


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
@pytest.mark.parametrize(
    "query",
    [
        f"at={MIN_TIMESTAMP}",
        f"at={MAX_TIMESTAMP}",
        f"from={MIN_TIMESTAMP}&to={MAX_TIMESTAMP}",
        f"from={MIN_TIMESTAMP}&to={MIN_TIMESTAMP + 1}",
        f"from={MAX_TIMESTAMP}&to={MAX_TIMESTAMP + 1}",
    ],
)
def test_any_range_has_its_page(here: World, client: TestClient, query: str, zone: str) -> None:
    """The whole calendar can be looked at, to its edges, in any zone."""
    here.put(told())

    assert client.get(f"/events?{query}&tz={zone}").status_code == 200


def test_pivots_of_an_open_event_stay_in_its_range(here: World, client: TestClient) -> None:
    """Where the range at hand shows the event, a pivot keeps it."""
    event = told()
    here.put(event)
    now = system_clock()
    opened = f"/events?from={now - HOUR}&to={now + HOUR}&open=shop/{event.id}"

    text = client.get(opened).text

    assert f"from={now - HOUR}" in links_on(text, "<small>named</small>")


def test_an_event_shows_all_that_is_known(here: World, client: TestClient) -> None:
    """The page of an event has its properties, user, request, both times, ids and pivots."""
    event = told(
        ip="203.0.113.7",
        ago=3 * HOUR,
        properties={"code": "SPRING", "basket": {"items": list(range(40))}},
        user_identifiers={"email": "ann@example.org", "id": 42},
    )
    here.put(event)

    text = client.get(f"/events/shop/{event.id}").text

    for part in (event.id, "SPRING", "ann@example.org", "/coupons/SPRING", "late: received after"):
        assert part in text
    assert "the address of the connection itself" in text
    assert links_on(text, "42") == "/events?user=42"
    assert links_on(text, "<small>from</small> 203.0.113.7") == "/events?ip=203.0.113.7"
    assert client.get(links_on(text, "<small>named</small>")).status_code == 200


def test_a_pivot_reaches_back_to_its_event(here: World, client: TestClient) -> None:
    """From an event of long ago, the links to its kin show a range that it lies in."""
    event = told("ancient", ago=400 * 24 * HOUR)
    here.put(event)
    text = client.get(f"/events/shop/{event.id}").text

    found = client.get(links_on(text, "<small>named</small>")).text

    assert names_on(found) == ["ancient"]


def test_an_open_event_is_a_part_of_the_address(here: World, client: TestClient) -> None:
    """A link to the Explorer with an event open shows that event's detail."""
    event = told(properties={"secret-sauce": "tabasco"})
    here.put(event)

    text = client.get(f"/events?open=shop/{event.id}").text

    assert '<article id="event"' in text
    assert text.count("tabasco") > 1


def test_what_is_not_there_is_not_found(client: TestClient) -> None:
    """Unknown pages, unknown events and ids that are none get the same 404, in our design."""
    paths = ("/nowhere", "/events/shop/1", "/events/shop/018bcfe5-6800-7000-8000-000000000000")

    answers = [client.get(path) for path in paths]

    assert {answer.status_code for answer in answers} == {404}
    assert all("app.css" in answer.text for answer in answers)


def test_the_api_keeps_its_own_404(client: TestClient) -> None:
    """A wrong address of the API is answered in the API's own form."""
    answer = client.get("/v1/nowhere")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_every_page_has_the_policy(here: World, client: TestClient) -> None:
    """Pages, errors and redirects carry the same strict policy and are not stored."""
    here.put(told())

    for path in ("/", "/events", "/nowhere", "/login"):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


def test_files_are_cached_by_their_content(client: TestClient) -> None:
    """A file's address has its hash: that one is kept for ever, others are asked for again."""
    page = client.get("/login").text or client.get("/events").text
    address = re.search(r'href="(/static/app\.css\?v=[0-9a-f]{12})"', client.get("/nowhere").text)

    assert page is not None
    assert address is not None
    assert "immutable" in client.get(address[1]).headers["cache-control"]
    assert client.get("/static/app.css").headers["cache-control"] == "no-cache"
    assert client.get("/static/page.py").status_code == 404
    assert client.get("/favicon.svg").headers["content-type"] == "image/svg+xml"


def test_everything_works_below_a_root_path(here: World) -> None:
    """Behind a proxy that adds a path, every link, form and redirect begins with it."""
    here.put(*(told(f"n{n}") for n in range(60)))
    client = TestClient(here.app, root_path="/security", follow_redirects=False)
    client.cookies = here.client().cookies

    text = client.get("/security/events?event=n*").text
    addresses = re.findall(r'(?:href|src|action|data-live)="(/[^"]*)"', text)

    assert len(addresses) > 60
    assert {address.split("/")[1] for address in addresses} == {"security"}
    assert client.get("/security/").headers["location"] == "/security/events"
    client.cookies.clear()
    assert client.get("/security/events?q=x").headers["location"] == (
        "/security/login?next=%2Fevents%3Fq%3Dx"
    )
