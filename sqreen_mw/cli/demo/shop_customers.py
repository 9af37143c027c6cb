"""The simulated customers of the shop."""

import re
from typing import Final

from sqreen_mw.cli.demo.session import Session

_PRODUCT: Final = re.compile(r'href="/products/([\w-]+)"')
_GOOD_CARD: Final = "4242 4242 4242 4242"
_BAD_CARDS: Final = ("4000 0000 0000 0002", "4000 0000 0000 9995", "4242 4242 4242 4241")
_COUPONS: Final = ("SPRING10", "SPRING10", "WELCOME15", "WELCOME15", "SUMMER25", "SPRING1O")


async def use_shop(session: Session) -> None:
    """Browse, log in, fill the cart and usually pay."""
    await session.browser.open("/")
    products = _PRODUCT.findall(session.browser.page)
    await session.enter()
    for slug in session.random.sample(products, min(len(products), session.random.randint(1, 3))):
        await session.browser.open(f"/products/{slug}")
        quantity = str(session.random.choice((1, 1, 1, 2, 3)))
        await session.browser.submit("/cart/items", slug=slug, quantity=quantity)
    if session.happens(0.5):
        await session.browser.submit("/cart/coupon", code=session.random.choice(_COUPONS))
    if session.happens(0.75):
        await _pay(session)
    if session.happens(0.04):
        await session.change_password("/account", "/account/password")
    await session.leave()


async def guess_coupons(session: Session) -> None:
    """Try one coupon code after another."""
    await session.enter()
    await session.browser.open("/products/olive-tree")
    await session.browser.submit("/cart/items", slug="olive-tree", quantity="1")
    for _ in range(session.random.randint(8, 16)):
        word = session.random.choice(("SPRING", "SUMMER", "WELCOME", "VIP", "STAFF", "FERN"))
        code = f"{word}{session.random.randrange(5, 60, 5)}"
        await session.browser.submit("/cart/coupon", code=code)


async def _pay(session: Session) -> None:
    await session.browser.open("/checkout")
    if session.happens(0.15):
        await session.browser.submit("/checkout", card=session.random.choice(_BAD_CARDS))
        if session.happens(0.4):
            return
    await session.browser.submit("/checkout", card=_GOOD_CARD)
