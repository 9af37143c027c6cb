"""The shop's products; prices are in cents."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Product:
    """A plant, a pot or a tool. ``hue`` is the color of its picture in degrees."""

    slug: str
    name: str
    cents: int
    hue: int
    text: str


PRODUCTS: Final = {
    product.slug: product
    for product in (
        Product("boston-fern", "Boston fern", 1890, 130, "Lush, forgiving, happy in a bathroom."),
        Product("fiddle-fig", "Fiddle-leaf fig", 4900, 95, "The big one. Bright light, no drafts."),
        Product("monstera", "Monstera", 3450, 150, "Splits its leaves once it trusts you."),
        Product("snake-plant", "Snake plant", 2200, 170, "Forgets nothing, forgives everything."),
        Product("olive-tree", "Olive tree", 7900, 75, "For the balcony, and for the long run."),
        Product("moon-orchid", "Moon orchid", 2750, 310, "Ten weeks of flowers, three ice cubes."),
        Product("terracotta", "Terracotta pot", 1250, 18, "Hand-thrown, 18 cm, with a saucer."),
        Product("brass-mister", "Brass mister", 2400, 45, "A fine mist, and a fine object."),
        Product("gift-card", "Gift card", 5000, 255, "When you don't know their window light."),
    )
}
