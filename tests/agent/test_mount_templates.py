from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, Router

from sqreen_mw.agent.requests.asgi import mount_templates


class Odd:
    """A route in whose attributes nothing can be read."""

    def __getattr__(self, name: str) -> object:
        """Fail."""
        raise ValueError(name)


def test_mounts_within_mounts_are_found() -> None:
    """Each has the templates above it in its own, and hosts and routes have none."""
    leaf = Route("/leaf", PlainTextResponse("ok"))
    inner = Mount("/{b:int}", app=Starlette(routes=[leaf]))
    router = Router([leaf, Mount("/a", routes=[leaf, inner]), Host("h", Router([inner]))])

    assert mount_templates(router) == ["/a", "/a/{b:int}", "", "/{b:int}"]


def test_an_app_mounted_in_itself_has_an_end() -> None:
    """Only so many levels are looked at."""
    router = Router()
    router.mount("/a", router)

    assert max(map(len, mount_templates(router))) == len("/a") * 8


def test_what_can_not_be_read_has_no_mounts() -> None:
    """A framework's own object may raise, and may be none of Starlette's."""
    router = Router([Mount("/a", app=Router())])
    router.routes.append(Odd())  # type: ignore[arg-type]  # as a framework might

    assert mount_templates(router) == ["/a"]
    assert mount_templates(None) == []
