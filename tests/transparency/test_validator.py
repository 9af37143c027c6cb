import io
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.validate import validator

import pytest

import sqreen_mw as sqreen
from sqreen_mw.middleware.wsgi import SqreenWSGIMiddleware
from sqreen_mw.protocol.event import Event
from tests.transparency.wsgi_apps import APPS, named
from tests.transparency.wsgi_drive import Server, environ_of
from tests.transparency.wsgi_tap import App, Environ, StartResponse

KEEP_THE_RULES = (
    *("plain", "several", "empty", "streams", "starts_late", "exact_iterator", "closes"),
    *("sends_file", "writes", "starts_again", "no_content", "sets_contextvars"),
    *("reads_all", "reads_some", "reads_late", "reads_pieces", "reads_by_iteration"),
)
"""Behaviours that PEP 3333 allows."""


def without_our_key(app: App) -> App:
    """Return an application that does not see the one key that is no text."""

    def seeing_less(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        return app({key: value for key, value in environ.items() if key != "sqreen"}, start)

    return seeing_less


def outside(app: App) -> Any:
    """Return the application in the middleware, which the validator watches as a server."""
    return validator(SqreenWSGIMiddleware(app))


def inside(app: App) -> Any:
    """Return the application, which the validator watches as the middleware."""
    return SqreenWSGIMiddleware(without_our_key(_checked(app)))


def both(app: App) -> Any:
    """Return the application with validators on both sides."""
    return validator(SqreenWSGIMiddleware(without_our_key(_checked(app))))


def _checked(app: App) -> App:
    checked: Any = validator(app)
    return checked  # type: ignore[no-any-return]  # typeshed's own types are narrower


def _environ(path: str) -> Environ:
    return environ_of(path, body=io.BytesIO(b"one\ntwo\nthree"), length=13)


@pytest.mark.parametrize("watched", [outside, inside, both])
@pytest.mark.parametrize("name", KEEP_THE_RULES)
def test_the_validator_objects_to_nothing(
    memory: list[Event], name: str, watched: Callable[[App], Any]
) -> None:
    """On either side the standard library's validator finds the rules of PEP 3333 kept."""
    server = Server()

    server.serve(watched(named), _environ(name))

    assert len(server.sent) > 1
    assert sqreen.flush()
    assert memory[0].name == "behaves"


@pytest.mark.usefixtures("memory")
def test_only_our_key_is_objected_to() -> None:
    """What the validator says of the app's side is the documented key, and nothing else."""
    watched = SqreenWSGIMiddleware(_checked(APPS["plain"]))

    with pytest.raises(AssertionError, match="sqreen"):
        Server().serve(watched, _environ("plain"))
