"""Test the Explorer's pages without JavaScript."""

import html
import re
from urllib.parse import urlencode

import pytest
from msgspec import structs
from starlette.testclient import TestClient

from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.dashboard.web.security_headers import CONTENT_SECURITY_POLICY
from sqreen_mw.protocol.event import Params, RequestInfo
from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP
from tests.collector.dashboard.running_collector import RunningCollector, make_event

MINUTE = 60_000
HOUR = 60 * MINUTE


def names_on(text: str) -> list[str]:
    """Return the event names on a page, from the top down."""
    return re.findall(r'<a class="event-name"[^>]*>([^<]+)</a>', text)


def link_on(text: str, text_of_link: str) -> str:
    """Return the address of the first link with a text."""
    found = re.search(rf'<a [^>]*href="([^"]*)"[^>]*>{re.escape(text_of_link)}', text)
    assert found is not None
    return html.unescape(found[1])


def test_events_are_listed_newest_first(collector: RunningCollector, client: TestClient) -> None:
    """The list is sorted by event time, and the count covers the whole range."""
    collector.store(
        make_event("second", ago=2 * MINUTE),
        make_event("third", ago=MINUTE),
        make_event("first", ago=HOUR),
    )

    text = client.get("/events").text

    assert names_on(text) == ["third", "second", "first"]
    assert "<strong>3</strong> events" in text


def test_each_filter_selects_matching_events(
    collector: RunningCollector, client: TestClient
) -> None:
    """Each filter keeps only the events that match it."""
    collector.store(
        make_event("order.paid", ip="203.0.113.7", user_identifiers={"email": "ann@example.org"}),
        app="bank",
        env="staging",
    )
    collector.store(make_event("order.sent", ip="198.51.100.1", properties={"code": "AUTUMN"}))

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


def test_active_filters_can_be_removed(collector: RunningCollector, client: TestClient) -> None:
    """Each active filter links to the same page without it."""
    collector.store(make_event())

    text = client.get("/events?event=x&q=y&tz=Europe/Berlin").text

    assert link_on(text, "<span>Event</span> x") == "/events?q=y&tz=Europe%2FBerlin"
    assert link_on(text, "Clear all") == "/events?tz=Europe%2FBerlin"


def test_paging_shows_each_event_once(collector: RunningCollector, client: TestClient) -> None:
    """The links to older events visit each event once, while new events arrive."""
    collector.store(*(make_event(f"n{n}", ago=n * MINUTE) for n in range(1, 121)))
    address: str | None = "/events"
    seen: list[str] = []
    text = ""
    while address:
        text = client.get(address).text
        seen += names_on(text)
        collector.store(make_event("newcomer"))
        address = link_on(text, "Older events") if "Older events" in text else None

    assert seen == [f"n{n}" for n in range(1, 121)]
    assert "No older events in this range" in text


@pytest.mark.parametrize("cut", [0, 1_234_567])
def test_each_bar_links_to_its_interval(
    collector: RunningCollector, client: TestClient, cut: int
) -> None:
    """The page of each bar shows as many events as its label says."""
    collector.store(*(make_event(ago=n * 10 * MINUTE) for n in range(40)))
    now = system_clock()
    query = f"?from={now - 5 * HOUR - cut}&to={now - cut}" if cut else ""
    text = client.get(f"/events{query}").text
    bars = re.findall(
        r'<a class="bar" href="([^"]*)"[^>]* aria-label="[^"]* · (\d+) events?(?: so far)?"', text
    )

    counted = {href: int(count) for href, count in bars if count != "0"}

    assert f"<strong>{sum(counted.values())}</strong>" in text
    assert sum(counted.values()) >= 30
    for href, count in counted.items():
        assert len(names_on(client.get(html.unescape(href)).text)) == count


def test_invalid_filter_shows_an_error_and_no_events(
    collector: RunningCollector, client: TestClient
) -> None:
    """An invalid filter is never ignored."""
    collector.store(make_event())

    answer = client.get("/events?ip=203.0.113.300&event=coupon.applied")

    assert answer.status_code == 400
    assert "must be an IP address or a network" in answer.text
    assert 'value="203.0.113.300"' in answer.text
    assert names_on(answer.text) == []


def test_empty_result_offers_wider_searches(
    collector: RunningCollector, client: TestClient
) -> None:
    """An empty result links to a longer range and to no filters."""
    collector.store(make_event())

    text = client.get("/events?event=nothing").text

    assert "No events match these filters." in text
    assert link_on(text, "Search last 30 days") == "/events?range=30d&event=nothing"
    assert link_on(text, "Clear the filters") == "/events"


def test_event_values_are_escaped(collector: RunningCollector, client: TestClient) -> None:
    """HTML in an event is escaped."""
    evil = "<script>alert(1)<script>"
    event = make_event(
        evil, ip="203.0.113.7", properties={evil: evil}, user_identifiers={"id": evil}
    )
    collector.store(event, app=evil, env=evil)
    event_path = f"/events/{evil}/{event.id}"

    for path in ("/events", f"/events?q={evil}", f"/events?-user={evil}x", event_path):
        answer = client.get(path)
        assert answer.status_code == 200
        assert evil not in answer.text
        assert html.escape(evil) in answer.text


def test_times_use_the_chosen_zone(collector: RunningCollector, client: TestClient) -> None:
    """The page shows its time zone, and links keep it."""
    collector.store(make_event())

    text = client.get("/events?tz=Asia/Kolkata").text

    assert "UTC+05:30" in text
    assert "tz=Asia%2FKolkata" in link_on(text, "30d")


def test_store_error_is_shown_in_its_place(collector: RunningCollector, client: TestClient) -> None:
    """If the store fails, the page shows which parts are missing."""
    collector.store(make_event())
    collector.services.events.close()

    answer = client.get("/events")

    assert answer.status_code == 503
    assert "Count unknown" in answer.text
    assert "The list is not available." in answer.text
    assert link_on(answer.text, "Last hour") == "/events?range=1h"


def test_shared_private_address_shows_the_proxy_hint(
    collector: RunningCollector, client: TestClient
) -> None:
    """If all events share one private address, the page names SQREEN_TRUSTED_PROXIES."""
    collector.store(*(make_event(ip="10.0.0.5") for _ in range(12)))
    hint = "SQREEN_TRUSTED_PROXIES=10.0.0.5"

    alone = client.get("/events").text
    filtered = client.get("/events?ip=10.0.0.5").text
    collector.store(make_event(ip="203.0.113.7"))
    mixed = client.get("/events").text

    assert [hint in text for text in (alone, filtered, mixed)] == [True, False, False]


def test_event_page_is_503_if_the_store_fails(
    collector: RunningCollector, client: TestClient
) -> None:
    """If the store cannot be read, the event page is a 503."""
    event = make_event()
    collector.store(event)
    collector.services.events.close()

    assert client.get(f"/events/shop/{event.id}").status_code == 503


def test_event_from_the_future_is_marked(collector: RunningCollector, client: TestClient) -> None:
    """An event from the future shows that a clock is wrong."""
    event = make_event(ago=-2 * HOUR - 500)
    collector.store(event)

    text = client.get(f"/events/shop/{event.id}").text

    assert "ahead: received 2 h before its own time: a clock is wrong" in text


def filter_link(text: str, label: str) -> str:
    """Return the address of the link that filters by a value."""
    found = re.search(rf'href="([^"]*)"[^>]* aria-label="{re.escape(html.escape(label))}"', text)
    assert found is not None, label
    return html.unescape(found[1])


def test_row_links_keep_other_filters(collector: RunningCollector, client: TestClient) -> None:
    """The links of a row add or exclude a value and keep the range and other filters."""
    collector.store(make_event(ip="203.0.113.7", user_identifiers={"email": "ann@example.org"}))

    text = client.get("/events?range=7d&event=coupon.*&-app=bank").text

    kept = "range=7d&event=coupon.%2A"
    ann = "user=%22ann%40example.org%22"
    assert filter_link(text, "Only IP 203.0.113.7") == f"/events?{kept}&ip=203.0.113.7&-app=bank"
    assert filter_link(text, "Not IP 203.0.113.7") == f"/events?{kept}&-app=bank&-ip=203.0.113.7"
    assert filter_link(text, "Only email ann@example.org") == f"/events?{kept}&{ann}&-app=bank"
    assert client.get(filter_link(text, "Not event coupon.applied")).status_code == 200


def test_excluded_values_are_left_out(collector: RunningCollector, client: TestClient) -> None:
    """Several values of one field can be excluded, and each has a link to remove it."""
    collector.store(*(make_event(name) for name in ("a", "b", "c")))

    text = client.get("/events?-event=a&-event=b").text

    assert names_on(text) == ["c"]
    assert link_on(text, "<span>Not Event</span> a") == "/events?-event=b"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("user=ANN@example.org ", ["a"]),
        ("user=ann*", ["a"]),
        ('user="Ann@Example.org"', ["a"]),
        ('user="ann@example.org"', ["a"]),
        ('user="ann"', []),
        ("event= A", ["a"]),
        ('event="A"', []),
    ],
)
def test_user_and_event_ignore_case_and_spaces(
    collector: RunningCollector, client: TestClient, query: str, found: list[str]
) -> None:
    """A typed user or event name is found in any case; quotes ask for the whole text."""
    collector.store(make_event("a", user_identifiers={"email": "Ann@Example.org"}))
    collector.store(make_event("b", user_identifiers={"email": "bob@example.org"}))
    name, _, text = query.partition("=")

    assert names_on(client.get("/events?" + urlencode({name: text})).text) == found


def test_typed_text_gets_suggestions(collector: RunningCollector, client: TestClient) -> None:
    """The page offers event names and the shown users; others come with the typed text."""
    collector.store(make_event("a", user_identifiers={"email": "Ann@example.org"}))
    collector.store(make_event("b", ago=90 * 24 * HOUR, user_identifiers={"id": "anton"}))

    text = client.get("/events").text
    users = client.get("/events/suggestions?text=an").json()

    for option in ("a", "b", "Ann@example.org"):
        assert f'<option value="{option}">' in text
    assert users == ["ann@example.org", "anton"]
    assert client.get("/events/suggestions?text=AN").json() == users
    assert client.get("/events/suggestions?text=").json() == []


def test_suggestions_are_those_of_the_chosen_app(
    collector: RunningCollector, client: TestClient
) -> None:
    """With an app, the page offers its event names and its users."""
    collector.store(make_event("paid", user_identifiers={"id": "anna"}), app="shop")
    collector.store(make_event("sent", user_identifiers={"id": "anton"}), app="bank")

    text = client.get("/events?app=bank").text

    assert '<option value="sent">' in text
    assert '<option value="paid">' not in text
    assert client.get("/events/suggestions?text=an&app=bank").json() == ["anton"]
    assert client.get("/events/suggestions?text=an&app=").json() == ["anna", "anton"]


@pytest.mark.parametrize(
    "who", [" lead ", "tab\tbed", "a\x00b", "line\nbreak\r", "\x7f", "a*", '"']
)
def test_link_of_a_value_finds_the_value(
    collector: RunningCollector, client: TestClient, who: str
) -> None:
    """Spaces, stars and control characters are part of a value, and its link finds it."""
    collector.store(
        make_event(who, user_identifiers={"id": who}, properties={"p.x": {"y~": who}}),
        make_event("lead", user_identifiers={"id": "leader"}, properties={"p.x": {"y~": "lead"}}),
    )
    text = client.get("/events").text
    links = re.findall(r'href="([^"]*(?:user|event)=[^"]*)"[^>]* aria-label="Only', text)
    event = re.search(r'class="event-name" href="([^"]*)"', text)
    assert event is not None
    detail = client.get(html.unescape(event[1])).text
    links += re.findall(r'href="([^"]*properties\.[^"]*)"[^>]* aria-label="Only', detail)

    for link in links:
        assert "<strong>1</strong> event" in client.get(html.unescape(link)).text
    assert len(links) == 5


@pytest.mark.parametrize("timestamp", [MIN_TIMESTAMP, MAX_TIMESTAMP])
def test_first_and_last_timestamps_can_be_shown(
    collector: RunningCollector, client: TestClient, timestamp: int
) -> None:
    """Links show events at the first and the last possible timestamp."""
    event = structs.replace(make_event("ancient"), timestamp=timestamp)
    collector.store(event)
    text = client.get(f"/events/shop/{event.id}").text

    answers = [
        client.get(link_on(text, "<small>named</small>")),
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
def test_any_valid_range_can_be_shown(
    collector: RunningCollector, client: TestClient, query: str, zone: str
) -> None:
    """Every range of the calendar can be shown in any zone."""
    collector.store(make_event())

    assert client.get(f"/events?{query}&tz={zone}").status_code == 200


def test_pivots_keep_range_app_and_env(collector: RunningCollector, client: TestClient) -> None:
    """The pivots keep a range that contains the event, the app and the environment only."""
    request = RequestInfo(verb="GET", path="/", id="r-1")
    event = make_event(request=request)
    collector.store(event, make_event("second", request=request), make_event("other"))
    now = system_clock()
    state = f"from={now - HOUR}&to={now + HOUR}&app=shop&env=production"

    text = client.get(f"/events?{state}&q=coupon&open=shop/{event.id}").text
    page = client.get(f"/events/shop/{event.id}?{state}&event=x").text

    for shown in (text, page):
        pivot = link_on(shown, "<small>named</small>")
        assert pivot == f"/events?{state}".replace("&app", "&event=coupon.applied&app")
        same = client.get(link_on(shown, "<small>of</small> this request")).text
        assert sorted(names_on(same)) == ["coupon.applied", "second"]


def test_every_value_of_an_event_finds_it(collector: RunningCollector, client: TestClient) -> None:
    """Each link of the event's page that filters by a value finds the event."""
    params = Params(
        query={"ref": ["mail", "b"]}, path={"code": "X"}, form={"f": ["1"]}, json={"j": 2}
    )
    request = RequestInfo(
        verb="POST",
        path="/c",
        status=500,
        route="/{x}",
        host="h",
        user_agent="u",
        params=params,
        forwarded_ignored=True,
    )
    event = make_event(
        request=request,
        identity="claimed",
        properties={"a": 1.5, "b": None, "c": True, "d": {"e.f": ["x", 7]}, "g": [{"h": 1}]},
        user_identifiers={"id": 4, "email": "ann"},
        user_traits={"plan": {"name": "gold"}},
    )
    collector.store(event, imported=True)
    collector.store(make_event("other"))

    text = client.get(f"/events/shop/{event.id}").text

    links = re.findall(r'href="([^"]*)"[^>]* aria-label="Only', text)
    assert len(links) == 25
    for link in links:
        assert "coupon.applied" in names_on(client.get(html.unescape(link)).text), link
    for name in ("outcome", "identity", "imported", "forwarded_ignored"):
        link = next(link for link in links if name in link)
        assert names_on(client.get(html.unescape(link)).text) == ["coupon.applied"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("outcome=failed", ["login_failed"]),
        ("outcome=succeeded", ["order.paid"]),
        ("-outcome=failed", ["visit", "order.paid"]),
        ("identity=claimed", ["login_failed"]),
        ("identity=established", ["order.paid"]),
        ("imported=true", ["order.paid"]),
        ("imported=false", ["visit", "login_failed"]),
        ("forwarded_ignored=true", ["order.paid"]),
        ("forwarded_ignored=false&-outcome=failed", ["visit"]),
    ],
)
def test_derived_values_are_filters(
    collector: RunningCollector, client: TestClient, query: str, found: list[str]
) -> None:
    """Outcome, identity and the flags of events select and exclude them."""
    user = {"id": 1}
    request = RequestInfo(verb="GET", path="/", status=200, forwarded_ignored=True)
    paid = make_event(
        "order.paid", ago=3, request=request, user_identifiers=user, identity="established"
    )
    collector.store(paid, imported=True)
    failed = make_event("login_failed", ago=2, user_identifiers=user, identity="claimed")
    collector.store(failed, make_event("visit", ago=1))

    assert names_on(client.get(f"/events?{query}").text) == found


@pytest.mark.parametrize(
    ("query", "messages"),
    [
        (
            "outcome=faild",
            ["Outcome</code> must be succeeded, failed, refused or error (did you mean failed?)"],
        ),
        ("identity=known", ["Identity</code> must be established or claimed", 'menu more" open']),
        ("imported=yes", ["Imported</code> must be true or false", 'menu more" open']),
    ],
)
def test_wrong_choice_names_the_right_ones(
    collector: RunningCollector, client: TestClient, query: str, messages: list[str]
) -> None:
    """The page lists the values of a filter, and opens the menu that has it."""
    collector.store(make_event())

    answer = client.get(f"/events?{query}")

    assert answer.status_code == 400
    for message in messages:
        assert message in answer.text


def test_chips_use_the_words_of_the_menus(collector: RunningCollector, client: TestClient) -> None:
    """A chip shows the label of a choice, not its value in the URL."""
    collector.store(make_event())

    text = client.get("/events?imported=false&-forwarded_ignored=true&outcome=error").text

    assert link_on(text, "<span>Imported</span> no")
    assert link_on(text, "<span>Not Forwarding header</span> ignored")
    assert '<option value="error" selected>error</option>' in text
    assert "More (1)" in text


def test_rows_show_outcome_and_import(collector: RunningCollector, client: TestClient) -> None:
    """A row states its outcome, and an imported event has no delay."""
    collector.store(make_event("old.refused", ago=20 * HOUR), imported=True)
    collector.store(make_event("new", properties={"success": True}), make_event("plain"))

    rows = client.get("/events").text.split("<tr ")[2:]

    outcomes = [re.findall('class="dot ([a-z]+)"', row) for row in rows]
    assert outcomes == [["unknown"], ["succeeded"], ["refused"]]
    assert '</a><span class="visually-hidden"> succeeded</span>' in rows[1]
    assert ">refused</span>" in rows[2]
    assert "it never triggers a response" in rows[2]
    assert ["+20 h" in row for row in rows] == [False] * 3


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Bob@X.org", ["bob"]),
        ("BOB@*", ["bob"]),
        ('"BOB@x.org"', ["bob"]),
        (" 42 ", ["number", "text"]),
        ("AbC", ["case"]),
        ("aBc", []),
        ("\u00e9VA", ["eva"]),
        ("\u00e9VA*", ["eva"]),
    ],
)
def test_user_is_found_by_an_equal_identifier(
    collector: RunningCollector, client: TestClient, text: str, found: list[str]
) -> None:
    """Spaces, kinds of numbers and the case of an e-mail address do not matter."""
    users: dict[str, dict[str, str | int]] = {
        "bob": {"email": "bob@x.org"},
        "number": {"id": 42},
        "text": {"account": "42"},
        "case": {"id": "AbC"},
        "eva": {"login": "\u00c9va"},
    }
    for name, user in users.items():
        collector.store(make_event(name, user_identifiers=user))

    page = client.get("/events", params={"user": text}).text

    assert sorted(names_on(page)) == found


@pytest.mark.parametrize(
    ("user", "link"),
    [
        ({"Email": " Bob@X.org"}, "/events?user=%22bob%40x.org%22"),
        ({"id": "AbC", "a": "1"}, "/events?user=%22AbC%22"),
        ({"id": "x <Redacted by Sqreen>"}, None),
        ({"a=b": "c"}, None),
    ],
)
def test_user_links_to_equal_identifiers(
    collector: RunningCollector,
    client: TestClient,
    user: dict[str, str | int],
    link: str | None,
) -> None:
    """The link of a user is the same in all its events; a masked user has none."""
    event = make_event(user_identifiers=user)
    collector.store(event)

    page = client.get(f"/events/shop/{event.id}").text

    assert link == (link_on(page, "<small>by</small>") if "<small>by</small>" in page else None)


def test_range_can_be_widened(collector: RunningCollector, client: TestClient) -> None:
    """A short range links to 24 hours, and each range to a wider one, with the same filters."""
    collector.store(make_event("old", ago=50 * HOUR), make_event("new", ago=HOUR))
    now = system_clock()
    recent, past = (
        f"/events?event=o*&from={now - ago * HOUR}&to={now - ago * HOUR + MINUTE}"
        for ago in (2, 49)
    )

    old = client.get(past).text

    assert link_on(client.get(recent).text, "Widen to 24 h") == "/events?event=o%2A"
    assert link_on(old, "Last 24 hours") == "/events?event=o%2A"
    assert names_on(client.get(link_on(old, "Widen to 24 h")).text) == ["old"]
    assert zoomed(client, "/events?range=1h") == "/events"
    assert zoomed(client, "/events") == "/events?range=7d"
    assert "from=" in zoomed(client, "/events?range=30d")
    for _ in range(5):
        past = zoomed(client, past)
    assert names_on(client.get(past).text) == ["old"]


def zoomed(client: TestClient, path: str) -> str:
    """Return the address of the link that zooms out."""
    return filter_link(client.get(path).text, "Zoom out")


def test_wrong_range_keeps_its_values(collector: RunningCollector, client: TestClient) -> None:
    """If the end is before the start, the open menu shows both values and marks the field."""
    collector.store(make_event())

    answer = client.get("/events?from=2026-01-02T10:00&to=2026-01-02T09:00&user=ann")

    assert answer.status_code == 400
    assert "To is before From" in answer.text
    assert '<details class="menu range-menu" open>' in answer.text
    assert 'name="from" required value="2026-01-02T10:00">' in answer.text
    assert 'name="to" required value="2026-01-02T09:00" aria-invalid="true"' in answer.text
    assert '<input type="hidden" name="user" value="ann">' in answer.text


def test_default_and_only_environments_are_hidden(
    collector: RunningCollector, client: TestClient
) -> None:
    """A row names its environment only if it is not the default one; one alone is not shown."""
    collector.store(make_event(), env="default")
    assert "class=one-env" in client.get("/events").text

    collector.store(make_event(), env="staging")
    text = client.get("/events").text

    assert re.findall(r'<span class="env">([^<]+)</span>', text) == ["staging"]
    assert "class=one-env" not in text


def test_pages_about_errors_show_no_status_numbers(client: TestClient) -> None:
    """People read words, not the numbers of HTTP."""
    for path, words in (("/nowhere", "Page not found"), ("/events/shop/1", "does not exist")):
        text = client.get(path).text.partition("<main")[2]
        assert words in text
        assert not re.search(r"\b4\d\d\b", text)


def test_last_bar_is_partial(collector: RunningCollector, client: TestClient) -> None:
    """The bar of the present is hatched, and a finished range has no such bar."""
    collector.store(make_event())
    now = system_clock()

    text = client.get("/events").text

    assert " so far" in text
    assert 'class="hatch"' in text
    assert "so far" not in client.get(f"/events?from={now - 9 * HOUR}&to={now - HOUR}").text


def test_event_page_shows_everything(collector: RunningCollector, client: TestClient) -> None:
    """The event page has properties, user, request, both times, ids and pivots."""
    event = make_event(
        ip="203.0.113.7",
        ago=3 * HOUR,
        properties={"code": "SPRING", "basket": {"items": list(range(40))}},
        user_identifiers={"email": "ann@example.org", "id": 42},
    )
    collector.store(event)

    text = client.get(f"/events/shop/{event.id}").text

    for part in (event.id, "SPRING", "ann@example.org", "/coupons/SPRING", "late: received after"):
        assert part in text
    assert "the address of the connection" in text
    assert filter_link(text, "Only id 42") == "/events?user=%2242%22"
    assert filter_link(text, "Only code SPRING") == "/events?properties.code=SPRING"
    assert (
        filter_link(text, "Not path /coupons/SPRING") == "/events?-request.path=%2Fcoupons%2FSPRING"
    )
    assert link_on(text, "<small>from</small> 203.0.113.7") == "/events?ip=203.0.113.7"
    assert client.get(link_on(text, "<small>named</small>")).status_code == 200


def test_event_page_shows_provenance(collector: RunningCollector, client: TestClient) -> None:
    """The page states whether the user is verified, and an ignored forwarding header."""
    request = RequestInfo(verb="GET", path="/", ip="10.0.0.1", forwarded_ignored=True)
    event = make_event(request=request, user_identifiers={"id": 42}, identity="claimed")
    collector.store(event)

    text = client.get(f"/events/shop/{event.id}").text

    assert "claimed: the visitor gave these identifiers" in text
    assert "ignored, because it is not trusted" in text


def test_pivot_of_an_old_event_shows_it(collector: RunningCollector, client: TestClient) -> None:
    """The pivots of an old event use a range that contains it."""
    event = make_event("ancient", ago=400 * 24 * HOUR)
    collector.store(event)
    text = client.get(f"/events/shop/{event.id}").text

    found = client.get(link_on(text, "<small>named</small>")).text

    assert names_on(found) == ["ancient"]


def test_open_event_is_part_of_the_url(collector: RunningCollector, client: TestClient) -> None:
    """An Explorer URL with an open event shows its details."""
    event = make_event(properties={"secret-sauce": "tabasco"})
    collector.store(event)

    text = client.get(f"/events?open=shop/{event.id}").text

    assert '<article id="event"' in text
    assert text.count("tabasco") > 1


def test_unknown_pages_and_events_are_404(client: TestClient) -> None:
    """Unknown pages, events and invalid ids get the same 404 page."""
    paths = ("/nowhere", "/events/shop/1", "/events/shop/018bcfe5-6800-7000-8000-000000000000")

    answers = [client.get(path) for path in paths]

    assert {answer.status_code for answer in answers} == {404}
    assert all("app.css" in answer.text for answer in answers)


def test_unknown_api_path_gets_problem_details(client: TestClient) -> None:
    """An unknown API path gets the API's 404."""
    answer = client.get("/v1/nowhere")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_every_page_has_security_headers(collector: RunningCollector, client: TestClient) -> None:
    """Pages, errors and redirects have the same policy and are not cached."""
    collector.store(make_event())

    for path in ("/", "/events", "/nowhere", "/login"):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


def test_static_files_are_cached_by_content_hash(client: TestClient) -> None:
    """A file with its hash is cached forever, without it never."""
    page = client.get("/login").text or client.get("/events").text
    address = re.search(r'href="(/static/app\.css\?v=[0-9a-f]{12})"', client.get("/nowhere").text)

    assert page is not None
    assert address is not None
    assert "immutable" in client.get(address[1]).headers["cache-control"]
    assert client.get("/static/app.css").headers["cache-control"] == "no-cache"
    assert client.get("/static/page.py").status_code == 404
    assert client.get("/favicon.svg").headers["content-type"] == "image/svg+xml"


def test_script_modules_are_cached_by_content_hash(client: TestClient) -> None:
    """A module imports the others under the hash of their content."""
    seen, waiting = set(), ["app.js"]
    while waiting:
        name = waiting.pop()
        imports = re.findall(r'(?:from|import) "\./([^"]+)"', client.get(f"/static/{name}").text)
        waiting += [found for found in imports if found not in seen]
        seen |= set(imports)

    assert {name.partition("?")[0] for name in seen} >= {"dom.js", "pages.js", "live.js"}
    for name in seen:
        assert "immutable" in client.get(f"/static/{name}").headers["cache-control"], name


def test_root_path_prefixes_every_link(collector: RunningCollector) -> None:
    """Behind a proxy with a path, every link, form and redirect has the path."""
    collector.store(*(make_event(f"n{n}") for n in range(60)))
    client = TestClient(collector.app, root_path="/security", follow_redirects=False)
    client.cookies = collector.client().cookies

    text = client.get("/security/events?event=n*").text
    addresses = re.findall(r'(?:href|src|action|data-live)="(/[^"]*)"', text)

    assert len(addresses) > 60
    assert {address.split("/")[1] for address in addresses} == {"security"}
    assert client.get("/security/").headers["location"] == "/security/events"
    client.cookies.clear()
    assert client.get("/security/events?q=x").headers["location"] == (
        "/security/login?next=%2Fevents%3Fq%3Dx"
    )
