from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from examples.fastapi_app.app import create_app
from examples.fastapi_app.settings import Settings
from tests.examples.conftest import LOGIN, SIGNUP, Guest, Tracked

_CARD = "4242 4242 4242 4242"


@pytest.fixture
def guest(tracked: Tracked) -> Iterator[Guest]:
    """A visitor of a new shop."""
    del tracked  # configured before the shop exists
    with TestClient(
        create_app(Settings()), follow_redirects=False, client=("203.0.113.9", 50000)
    ) as client:
        yield Guest(client)


def _fill_cart(guest: Guest, *, quantity: int = 2) -> None:
    guest.sign_up()
    guest.submit("/products/monstera", "/cart/items", slug="monstera", quantity=str(quantity))


def test_sign_up_is_tracked_with_user_and_request(guest: Guest, tracked: Tracked) -> None:
    """The event contains the e-mail address, the client's address and the route."""
    assert guest.sign_up("Anna@Example.com ").status_code == 303

    (event,) = tracked.events()
    assert event.name == SIGNUP
    assert event.user_identifiers == {"email": "anna@example.com"}
    assert event.request is not None
    assert (event.request.ip, event.request.route) == ("203.0.113.9", "/signup")


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
    _, _, first, second, third = tracked.events()
    assert (first.name, first.properties) == (LOGIN, {"success": False})
    assert (second.name, second.properties) == (LOGIN, {"success": False})
    assert third.name == LOGIN


@pytest.mark.parametrize(
    ("code", "reason"), [("NOPE", "unknown"), ("SUMMER25", "expired"), ("SPRING10", None)]
)
def test_coupons(guest: Guest, tracked: Tracked, *, code: str, reason: str | None) -> None:
    """A coupon is applied with its discount or rejected with a reason."""
    _fill_cart(guest)

    guest.submit("/cart", "/cart/coupon", code=code.lower())

    event = tracked.events()[-1]
    if reason:
        assert event.name == "coupon.rejected"
        assert event.properties == {"code": code, "reason": reason}
    else:
        assert event.name == "coupon.applied"
        assert event.properties == {"code": code, "discount": 6.9}
    assert event.user_identifiers == {"email": "anna@example.com"}


def test_welcome_coupon_is_for_the_first_order(guest: Guest, tracked: Tracked) -> None:
    """A customer with an order can't use the coupon for new customers."""
    _fill_cart(guest)
    guest.submit("/checkout", "/checkout", card=_CARD)

    guest.submit("/account", "/cart/coupon", code="WELCOME15")

    assert tracked.events()[-1].properties == {"code": "WELCOME15", "reason": "not_first_order"}


def test_checkout_creates_an_order(guest: Guest, tracked: Tracked) -> None:
    """A paid cart is tracked with its amount and becomes an order; the card is not tracked."""
    _fill_cart(guest)
    guest.submit("/cart", "/cart/coupon", code="SPRING10")

    assert guest.submit("/checkout", "/checkout", card=_CARD).status_code == 303
    event = tracked.events()[-1]
    assert event.name == "checkout.completed"
    assert event.properties == {"amount": 62.1, "items": 2, "coupon": "SPRING10", "order": 1}
    assert "4242" not in repr(tracked.events())
    assert "€62.10" in guest.client.get("/account").text
    assert "It is empty" in guest.client.get("/cart").text


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        ("4000 0000 0000 0002", "card_declined"),
        ("4242 4242 4242 4241", "invalid_number"),
        ("none", "invalid_number"),
    ],
)
def test_declined_payment_keeps_the_cart(
    guest: Guest, tracked: Tracked, *, card: str, reason: str
) -> None:
    """A declined card is tracked with the reason, and the customer can use another."""
    _fill_cart(guest)

    assert guest.submit("/checkout", "/checkout", card=card).status_code == 402
    event = tracked.events()[-1]
    assert (event.name, event.properties["reason"]) == ("payment.declined", reason)
    assert guest.submit("/checkout", "/checkout", card=_CARD).status_code == 303


def test_cart_can_be_emptied(guest: Guest, tracked: Tracked) -> None:
    """Quantity 0 removes a product, and an empty cart can't be paid."""
    _fill_cart(guest)
    guest.submit("/cart", "/cart/items", slug="monstera", quantity="0")

    answer = guest.submit("/checkout", "/checkout", card=_CARD)

    assert answer.headers["location"] == "/cart"
    assert tracked.names() == [SIGNUP, "cart.item_added"]


def test_password_change_needs_the_current_password(guest: Guest, tracked: Tracked) -> None:
    """A wrong current password is refused; success and failure are tracked."""
    guest.sign_up()
    guest.submit("/account", "/account/password", current="wrong", new="a new horse")
    guest.submit("/account", "/account/password", current="correct horse", new="short")
    guest.submit("/account", "/account/password", current="correct horse", new="a new horse")

    assert tracked.names() == [SIGNUP, "password.change_failed", "password.changed"]
    answer = guest.submit("/login", "/login", email="anna@example.com", password="a new horse")
    assert answer.status_code == 303


def test_forged_form_is_refused(guest: Guest, tracked: Tracked) -> None:
    """A form without the session's token is refused and tracked."""
    assert guest.client.post("/login", data={"email": "a", "password": "b"}).status_code == 403
    assert tracked.names() == ["form.forged"]


@pytest.mark.parametrize("path", ["/account", "/checkout"])
def test_visitors_are_redirected_to_the_login(guest: Guest, path: str) -> None:
    """Pages for customers redirect other visitors."""
    assert guest.client.get(path).headers["location"] == "/login"


def test_wrong_paths_and_forms_get_an_error_page(guest: Guest) -> None:
    """The error page has the right status."""
    assert guest.client.get("/nowhere").status_code == 404
    assert guest.client.get("/products/nothing").status_code == 404
    assert guest.submit("/login", "/cart/items", slug="nothing", quantity="1").status_code == 404
    assert guest.submit("/login", "/cart/items", slug="monstera", quantity="x").status_code == 400
    assert guest.submit("/signup", "/signup", name="A", email="a", password="b").status_code == 400


def test_search_finds_products(guest: Guest) -> None:
    """The catalogue shows the products whose text matches."""
    assert "Olive tree" not in guest.client.get("/?search=fern").text
    assert "Boston fern" in guest.client.get("/?search=fern").text


def test_shop_runs_unconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a collector, the shop works and tracks nothing."""
    monkeypatch.delenv("SQREEN_URL", raising=False)
    with TestClient(create_app(Settings()), follow_redirects=False) as client:
        assert Guest(client).sign_up().status_code == 303
