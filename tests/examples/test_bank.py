import re
from collections.abc import Iterator

import pytest

from examples.flask_app.app import create_app
from examples.flask_app.ledger import cents_in
from examples.flask_app.settings import Settings
from tests.examples.conftest import LOGIN, SIGNUP, Guest, Tracked


@pytest.fixture
def guest(tracked: Tracked) -> Iterator[Guest]:
    """A guest of a new bank."""
    del tracked  # configured before the bank exists
    bank = create_app(Settings())
    yield Guest(bank.test_client())
    bank.extensions["bank_database"].close()


def _accounts(guest: Guest) -> list[str]:
    return re.findall(r"<code>(HB-\d{4}-\d{4})</code>", guest.client.get("/").text)


def _cents(guest: Guest) -> list[int]:
    amounts = re.findall(r"<strong>€([\d,.]+)</strong>", guest.client.get("/").text)
    return [int(amount.replace(",", "").replace(".", "")) for amount in amounts]


@pytest.fixture
def other(guest: Guest) -> str:
    """The account number of another customer; the guest is logged in as Anna."""
    guest.sign_up("ben@example.com")
    number = _accounts(guest)[0]
    guest.submit("/", "/logout")
    guest.sign_up()
    return number


def test_sign_up_opens_two_accounts(guest: Guest, tracked: Tracked) -> None:
    """A sign-up is tracked, and gives two accounts with money."""
    assert guest.sign_up().status_code == 303

    (event,) = tracked.events()
    assert (event.name, event.user_identifiers) == (SIGNUP, {"email": "anna@example.com"})
    assert event.request is not None
    assert (event.request.verb, event.request.path) == ("POST", "/signup")
    assert _cents(guest) == [1_500_00, 400_00]


def test_second_sign_up_is_rejected(guest: Guest, tracked: Tracked) -> None:
    """A person banks here once; trying again is tracked."""
    guest.sign_up()

    assert guest.sign_up().status_code == 409
    assert tracked.names() == [SIGNUP, "user.signup_rejected"]


def test_logins_are_tracked_with_why_they_fail(guest: Guest, tracked: Tracked) -> None:
    """The page says the same for both failures, the events tell them apart."""
    guest.sign_up()
    guest.submit("/", "/logout")

    wrong = guest.submit("/login", "/login", email="anna@example.com", password="wrong horse")
    unknown = guest.submit("/login", "/login", email="nobody@example.com", password="x")
    right = guest.submit("/login", "/login", email="anna@example.com", password="correct horse")

    assert [wrong.status_code, unknown.status_code, right.status_code] == [401, 401, 303]
    assert [event.properties for event in tracked.events()[2:4]] == [
        {"success": False},
        {"success": False},
    ]
    assert tracked.names()[1:] == [
        "user.logout",
        LOGIN,
        LOGIN,
        LOGIN,
    ]


def test_transfer_moves_money(guest: Guest, tracked: Tracked, other: str) -> None:
    """A transfer takes from one account, and is tracked with its amount and both numbers."""
    source = _accounts(guest)[0]

    guest.submit("/transfer", "/transfer", source=source, target=other.lower(), amount="12.50")

    event = tracked.events()[-1]
    assert event.name == "transfer.created"
    assert event.properties == {"amount": 12.5, "source": source, "target": other}
    assert _cents(guest) == [1_487_50, 400_00]
    assert "\N{MINUS SIGN}€12.50" in guest.client.get("/").text


@pytest.mark.parametrize(
    ("amount", "reason"),
    [("nan", "invalid_amount"), ("2000.01", "over_transfer_limit"), ("1999", "insufficient_funds")],
)
def test_refused_amounts(
    guest: Guest, tracked: Tracked, other: str, *, amount: str, reason: str
) -> None:
    """A transfer that can't be made is tracked with the reason, and moves nothing."""
    guest.submit("/transfer", "/transfer", source=_accounts(guest)[0], target=other, amount=amount)

    event = tracked.events()[-1]
    assert (event.name, event.properties["reason"]) == ("transfer.rejected", reason)
    assert _cents(guest) == [1_500_00, 400_00]


def test_refused_accounts(guest: Guest, tracked: Tracked, other: str) -> None:
    """Other people's money can't be sent, nor money to nowhere or to where it is."""
    own = _accounts(guest)[0]
    for source, target in ((other, own), (own, "HB-NOWHERE"), (own, own)):
        guest.submit("/transfer", "/transfer", source=source, target=target, amount="1")

    assert [event.properties["reason"] for event in tracked.events()[-3:]] == [
        "foreign_account",
        "unknown_recipient",
        "same_account",
    ]


def test_daily_limit(guest: Guest, tracked: Tracked, other: str) -> None:
    """An account sends its limit a day, even where money keeps coming in."""
    current, savings = _accounts(guest)
    for source, target in ((current, savings), (savings, current)) * 4:
        guest.submit("/transfer", "/transfer", source=source, target=target, amount="1400")

    guest.submit("/transfer", "/transfer", source=current, target=other, amount="1400")

    reasons = [event.properties.get("reason") for event in tracked.events()[3:]]
    assert reasons[:6] == [None] * 6
    assert reasons[-1] == "over_daily_limit"


def test_beneficiaries(guest: Guest, tracked: Tracked, other: str) -> None:
    """Somebody else's account can be kept, once; others are rejected with the reason."""
    for account in (other, other, "HB-NOWHERE", _accounts(guest)[0]):
        guest.submit("/beneficiaries", "/beneficiaries", account=account, label="Ben")

    added, *rejected = tracked.events()[-4:]
    assert (added.name, added.properties) == ("beneficiary.added", {"account": other})
    assert [event.properties["reason"] for event in rejected] == [
        "known_already",
        "unknown_account",
        "own_account",
    ]
    assert other in guest.client.get("/transfer").text


def test_password_is_changed_by_its_owner_only(guest: Guest, tracked: Tracked) -> None:
    """The current password is asked for, and both ends are tracked."""
    guest.sign_up()
    guest.submit("/password", "/password", current="wrong", new="a new horse")
    guest.submit("/password", "/password", current="correct horse", new="short")
    guest.submit("/password", "/password", current="correct horse", new="a new horse")

    assert tracked.names() == [SIGNUP, "password.change_failed", "password.changed"]
    answer = guest.submit("/login", "/login", email="anna@example.com", password="a new horse")
    assert answer.status_code == 303


def test_forged_form_is_refused(guest: Guest, tracked: Tracked) -> None:
    """A form without the session's token changes nothing, and is tracked."""
    assert guest.client.post("/login", data={"email": "a", "password": "b"}).status_code == 403
    assert tracked.names() == ["form.forged"]


@pytest.mark.parametrize("path", ["/", "/transfer", "/beneficiaries", "/password"])
def test_strangers_are_sent_to_the_login(guest: Guest, path: str) -> None:
    """Pages of customers are for customers."""
    assert guest.client.get(path).headers["location"] == "/login"


def test_pages_that_are_not_there(guest: Guest) -> None:
    """Wrong paths and forms get a page that says so."""
    assert guest.client.get("/nowhere").status_code == 404
    assert guest.submit("/login", "/login", email="a").status_code == 400
    assert guest.submit("/signup", "/signup", name="A", email="a", password="b").status_code == 400


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("12.50", 1250),
        (" 3 ", 300),
        ("0", None),
        ("-1", None),
        ("1.005", None),
        ("1e999", None),
        ("Infinity", None),
        ("", None),
    ],
)
def test_amounts(text: str, cents: int | None) -> None:
    """An amount is a positive number with two decimals at most."""
    assert cents_in(text) == cents
