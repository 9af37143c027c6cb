"""The public pages: the catalogue and the products."""

from typing import Final

from fastapi import APIRouter, HTTPException, Request, Response
from starlette.status import HTTP_404_NOT_FOUND

from examples.fastapi_app.catalogue import PRODUCTS
from examples.fastapi_app.pages import page

router: Final = APIRouter()


@router.get("/")
def catalogue(request: Request, search: str = "") -> Response:
    """Show all products, or those whose name or text contains the search text."""
    wanted = search.strip().lower()
    found = [
        product
        for product in PRODUCTS.values()
        if wanted in product.name.lower() or wanted in product.text.lower()
    ]
    return page(request, "catalogue.html", products=found, search=search)


@router.get("/products/{slug}")
def product(request: Request, slug: str) -> Response:
    """Show one product."""
    if slug not in PRODUCTS:
        raise HTTPException(HTTP_404_NOT_FOUND, "We don't sell that. Not yet, anyway.")
    return page(request, "product.html", product=PRODUCTS[slug])
