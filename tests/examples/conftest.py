"""A visitor of the example sites, and the events of the visit."""

import hashlib
import re
import uuid
from collections.abc import Iterator
from typing import Any, Final, Protocol

import pytest

import sqreen_mw as sqreen
from sqreen_mw.agent.delivery.transports.local import memory_events
from sqreen_mw.protocol.event import Event

SIGNUP: Final = "sq.sdk.users.signup"
LOGIN: Final = "sq.sdk.users.login"


class Client(Protocol):
    """The methods that both test clients have."""

    def get(self, path: str, /) -> Any:
        """Request a page."""

    def post(self, path: str, /, *, data: dict[str, str]) -> Any:
        """Submit a form."""


class Guest:
    """A visitor who submits forms with their hidden token."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def submit(self, page: str, action: str, **fields: str) -> Any:
        """Open a page, submit one of its forms, and return the answer without a redirect."""
        token = re.search(r'name="form_token" value="([^"]+)"', self.client.get(page).text)
        assert token
        return self.client.post(action, data={"form_token": token[1], **fields})

    def sign_up(self, email: str = "anna@example.com") -> Any:
        """Sign up."""
        return self.submit("/signup", "/signup", name="Anna", email=email, password="correct horse")


class Tracked:
    """The events of one test."""

    def __init__(self, url: str) -> None:
        self._url = url

    def events(self) -> list[Event]:
        """Return the events so far."""
        assert sqreen.flush()
        return memory_events(self._url)

    def names(self) -> list[str]:
        """Return the names of the events so far."""
        return [event.name for event in self.events()]


@pytest.fixture(autouse=True, scope="session")
def cheap_passwords() -> Iterator[None]:
    """Hash the passwords of both sites with little work."""
    scrypt = hashlib.scrypt

    def cheap(password: bytes, *, salt: bytes, **_: int) -> bytes:
        return scrypt(password, salt=salt, n=2, r=1, p=1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashlib, "scrypt", cheap)
        yield


@pytest.fixture
def tracked(clean_settings: None, monkeypatch: pytest.MonkeyPatch) -> Tracked:
    """Configure the memory transport."""
    del clean_settings  # runs first, and closes the agent at the end
    url = f"memory://{uuid.uuid4()}"
    monkeypatch.setenv("SQREEN_URL", url)
    return Tracked(url)
