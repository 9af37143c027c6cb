"""What people do in the shop."""

import re
from typing import Final

from sqreen_mw.cli.demonstration.visit import Visit

_PRODUCT: Final = re.compile(r'href="/products/([\w-]+)"')
_GOOD_CARD: Final = "4242 4242 4242 4242"
_BAD_CARDS: Final = ("4000 0000 0000 0002", "4000 0000 0000 9995", "4242 4242 4242 4241")
_COUPONS: Final = ("SPRING10", "SPRING10", "WELCOME15", "WELCOME15", "SUMMER25", "SPRING1O")


async def shop(visit: Visit) -> None:
    """Look around, log in, fill the cart and, as a rule, pay."""
    await visit.browser.open("/")
    products = _PRODUCT.findall(visit.browser.page)
    await visit.come_in()
    for slug in visit.chance.sample(products, min(len(products), visit.chance.randint(1, 3))):
        await visit.browser.open(f"/products/{slug}")
        quantity = str(visit.chance.choice((1, 1, 1, 2, 3)))
        await visit.browser.submit("/cart/items", slug=slug, quantity=quantity)
    if visit.happens(0.5):
        await visit.browser.submit("/cart/coupon", code=visit.chance.choice(_COUPONS))
    if visit.happens(0.75):
        await _pay(visit)
    if visit.happens(0.04):
        await visit.change_password("/account", "/account/password")
    await visit.go()


async def guess_coupons(visit: Visit) -> None:
    """Try one coupon code after the other."""
    await visit.come_in()
    await visit.browser.open("/products/olive-tree")
    await visit.browser.submit("/cart/items", slug="olive-tree", quantity="1")
    for _ in range(visit.chance.randint(8, 16)):
        word = visit.chance.choice(("SPRING", "SUMMER", "WELCOME", "VIP", "STAFF", "FERN"))
        await visit.browser.submit("/cart/coupon", code=f"{word}{visit.chance.randrange(5, 60, 5)}")


async def _pay(visit: Visit) -> None:
    await visit.browser.open("/checkout")
    if visit.happens(0.15):
        await visit.browser.submit("/checkout", card=visit.chance.choice(_BAD_CARDS))
        if visit.happens(0.4):
            return
    await visit.browser.submit("/checkout", card=_GOOD_CARD)
