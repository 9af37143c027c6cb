"""Renders pages with their templates and the values that every page shows."""

import secrets
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import Depends, Form, HTTPException, Request, Response
from fastapi.templating import Jinja2Templates
from starlette.responses import RedirectResponse
from starlette.status import HTTP_303_SEE_OTHER, HTTP_403_FORBIDDEN

from examples.fastapi_app.basket import basket_in
from examples.fastapi_app.customers import logged_in

_TEMPLATES: Final = Jinja2Templates(Path(__file__).with_name("templates"))
_TEMPLATES.env.filters["money"] = lambda cents: f"€{cents / 100:,.2f}"

Field = Annotated[str, Form(max_length=254)]
"""A text field of a form."""


def page(request: Request, template: str, *, status_code: int = 200, **values: Any) -> Response:
    """Render a template."""
    shown = {
        "customer": logged_in(request, request.app.state.database),
        "basket": basket_in(request.session),
        "form_token": request.session.setdefault("form_token", secrets.token_urlsafe()),
        "notice": request.session.pop("notice", None),
    }
    return _TEMPLATES.TemplateResponse(
        request, template, {**shown, **values}, status_code=status_code
    )


def see(path: str) -> Response:
    """Redirect the browser to a page after a form."""
    return RedirectResponse(path, HTTP_303_SEE_OTHER)


def _own_form(request: Request, form_token: Annotated[str, Form(max_length=100)] = "") -> None:
    expected = request.session.get("form_token", "")
    if not expected or not secrets.compare_digest(form_token.encode(), expected.encode()):
        request.state.sqreen.track("form.forged")
        raise HTTPException(HTTP_403_FORBIDDEN, "This form has expired. Go back and reload it.")


OWN_FORM: Final = Depends(_own_form)
"""Makes a view accept only forms that were rendered for the visitor's session."""
