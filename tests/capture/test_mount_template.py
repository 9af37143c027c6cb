from typing import Any
from uuid import UUID

import pytest

from sqreen_mw.capture.path_masking import Mounted, mount_template
from sqreen_mw.scrubbing.scrubber import Scrubber

ID = UUID("12345678-1234-5678-1234-567812345678")


def template(mount: str, *templates: str, route: str = "/x/{n}", **parameters: Any) -> str:
    """Return the template of a mount; by default, its route has no secrets."""
    return mount_template(Mounted(mount, templates, route, parameters), Scrubber())


def test_first_complete_template_is_used() -> None:
    """It matches the path, its names are parameters, and it contains every secret of the mount."""
    known = ("/u", "/u/{id}", "/u/{name}", "/u/{token}", "/{id}/{token}")

    assert template("/u", *known) == "/u"
    assert template("/u/7", *known, name="7") == "/u/{name}"
    assert template("/u/abc", *known, id="7", name="a", token="abc") == "/u/{token}"


@pytest.mark.parametrize(
    ("mount", "parameters", "expected"),
    [
        ("/u/7", {"id": "7"}, "/u/{id}"),
        ("/u/007/00.5", {"id": 7, "at": 0.5}, "/u/{id}/{at}"),
        (f"/u/{ID.hex.upper()}/x", {"id": ID}, "/u/{id}/x"),
        ("/u/a/b/x", {"rest": "a/b"}, "/u/{rest:path}/x"),
        ("/u/x-abc", {"id": "abc"}, "/u/x-abc"),
        ("/u/x-abc", {"token": "abc"}, "/{token:path}"),
    ],
)
def test_unknown_template_is_guessed(mount: str, parameters: dict[str, Any], expected: str) -> None:
    """A parameter replaces its value; a secret that is not found hides the whole text."""
    assert template(mount, **parameters) == expected


def test_secret_of_the_route_can_hide_one_of_the_mount() -> None:
    """Without a known template, no text of the mount is shown."""
    hidden: dict[str, Any] = {"route": "/x/{token}", "token": "def"}

    assert template("/u/abc", **hidden) == "/{token:path}"
    assert template("/u/abc", "/u/{token}", **hidden) == "/u/{token}"
    assert template("/u/abc", "/u/abc", **hidden) == "/u/abc"
