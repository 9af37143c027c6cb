import re
from collections.abc import Iterator

import pytest

from examples.flask_app.app import create_app
from examples.flask_app.ledger import cents_in
from examples.flask_app.settings import Settings
from tests.examples.conftest import LOGIN, SIGNUP, Guest, Tracked


@pytest.fixture
def guest(tracked: Tracked) -> Iterator[Guest]:
    """A visitor of a new bank."""
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
    """The account number of another customer. The visitor is logged in as Anna."""
    guest.sign_up("ben@example.com")
    number = _accounts(guest)[0]
    guest.submit("/", "/logout")
    guest.sign_up()
    return number


def test_sign_up_opens_two_accounts(guest: Guest, tracked: Tracked) -> None:
    """A sign-up is tracked and creates two accounts with money."""
    assert guest.sign_up().status_code == 303

    (event,) = tracked.events()
    assert (event.name, event.user_identifiers) == (SIGNUP, {"email": "anna@example.com"})
    assert event.request is not None
    assert (event.request.verb, event.request.path) == ("POST", "/signup")
    assert _cents(guest) == [1_500_00, 400_00]


def test_second_sign_up_is_rejected(guest: Guest, tracked: Tracked) -> None:
    """A second sign-up with the same address is rejected and tracked."""
    guest.sign_up()

    assert guest.sign_up().status_code == 409
    assert tracked.names() == [SIGNUP, "user.signup_rejected"]


def test_logins_are_tracked_with_their_success(guest: Guest, tracked: Tracked) -> None:
    """A wrong password and an unknown address get the same answer and are tracked."""
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
    """A transfer changes the balance and is tracked with its amount and both accounts."""
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
def test_invalid_amounts_are_refused(
    guest: Guest, tracked: Tracked, other: str, *, amount: str, reason: str
) -> None:
    """A refused transfer is tracked with the reason and changes no balance."""
    guest.submit("/transfer", "/transfer", source=_accounts(guest)[0], target=other, amount=amount)

    event = tracked.events()[-1]
    assert (event.name, event.properties["reason"]) == ("transfer.rejected", reason)
    assert _cents(guest) == [1_500_00, 400_00]


def test_invalid_accounts_are_refused(guest: Guest, tracked: Tracked, other: str) -> None:
    """Foreign, unknown and identical accounts are refused with a reason."""
    own = _accounts(guest)[0]
    for source, target in ((other, own), (own, "HB-NOWHERE"), (own, own)):
        guest.submit("/transfer", "/transfer", source=source, target=target, amount="1")

    assert [event.properties["reason"] for event in tracked.events()[-3:]] == [
        "foreign_account",
        "unknown_recipient",
        "same_account",
    ]


def test_daily_limit(guest: Guest, tracked: Tracked, other: str) -> None:
    """The limit counts all transfers out of an account, despite deposits."""
    current, savings = _accounts(guest)
    for source, target in ((current, savings), (savings, current)) * 4:
        guest.submit("/transfer", "/transfer", source=source, target=target, amount="1400")

    guest.submit("/transfer", "/transfer", source=current, target=other, amount="1400")

    reasons = [event.properties.get("reason") for event in tracked.events()[3:]]
    assert reasons[:6] == [None] * 6
    assert reasons[-1] == "over_daily_limit"


def test_beneficiaries(guest: Guest, tracked: Tracked, other: str) -> None:
    """Another customer's account can be added once; other accounts are rejected with a reason."""
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


def test_password_change_needs_the_current_password(guest: Guest, tracked: Tracked) -> None:
    """A wrong current password is refused; success and failure are tracked."""
    guest.sign_up()
    guest.submit("/password", "/password", current="wrong", new="a new horse")
    guest.submit("/password", "/password", current="correct horse", new="short")
    guest.submit("/password", "/password", current="correct horse", new="a new horse")

    assert tracked.names() == [SIGNUP, "password.change_failed", "password.changed"]
    answer = guest.submit("/login", "/login", email="anna@example.com", password="a new horse")
    assert answer.status_code == 303


def test_forged_form_is_refused(guest: Guest, tracked: Tracked) -> None:
    """A form without the session's token is refused and tracked."""
    assert guest.client.post("/login", data={"email": "a", "password": "b"}).status_code == 403
    assert tracked.names() == ["form.forged"]


@pytest.mark.parametrize("path", ["/", "/transfer", "/beneficiaries", "/password"])
def test_visitors_are_redirected_to_the_login(guest: Guest, path: str) -> None:
    """Pages for customers redirect other visitors."""
    assert guest.client.get(path).headers["location"] == "/login"


def test_wrong_paths_and_forms_get_an_error_page(guest: Guest) -> None:
    """The error page has the right status."""
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
def test_amounts_are_parsed(text: str, cents: int | None) -> None:
    """An amount is a positive number with at most two decimals."""
    assert cents_in(text) == cents
