import io
from collections.abc import Callable
from typing import Any
from wsgiref.validate import validator

import pytest

import sqreen_mw as sqreen
from sqreen_mw.middleware.wsgi import SqreenWSGIMiddleware
from sqreen_mw.protocol.event import Event
from tests.transparency.wsgi_apps import named
from tests.transparency.wsgi_drive import Server, environ_of
from tests.transparency.wsgi_tap import App, Environ

ALLOWED = (
    *("plain", "several", "empty", "streams", "starts_late", "exact_iterator", "closes"),
    *("sends_file", "writes", "starts_again", "no_content", "sets_contextvars"),
    *("reads_all", "reads_some", "reads_late", "reads_pieces", "reads_by_iteration"),
)
"""Behaviours that PEP 3333 allows."""


def outside(app: App) -> Any:
    """Return the middleware with a validator around it."""
    return validator(SqreenWSGIMiddleware(app))


def inside(app: App) -> Any:
    """Return the middleware with a validator between it and the app."""
    return SqreenWSGIMiddleware(_checked(app))


def both(app: App) -> Any:
    """Return the middleware with validators on both sides."""
    return validator(SqreenWSGIMiddleware(_checked(app)))


def _checked(app: App) -> App:
    checked: Any = validator(app)
    return checked  # type: ignore[no-any-return]  # typeshed's own types are narrower


def _environ(path: str) -> Environ:
    return environ_of(path, body=io.BytesIO(b"one\ntwo\nthree"), length=13)


@pytest.mark.parametrize("watched", [outside, inside, both])
@pytest.mark.parametrize("name", ALLOWED)
def test_wsgiref_validator_accepts_the_middleware(
    memory: list[Event], name: str, watched: Callable[[App], Any]
) -> None:
    """The validator of the standard library accepts both sides of the middleware."""
    server = Server()

    server.serve(watched(named), _environ(name))

    assert len(server.sent) > 1
    assert sqreen.flush()
    assert memory[0].name == "behaves"
