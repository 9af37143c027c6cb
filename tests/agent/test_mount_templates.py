from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, Router

from sqreen_mw.agent.requests.asgi_route import mount_templates


class Odd:
    """A route whose attributes raise."""

    def __getattr__(self, name: str) -> object:
        """Raise."""
        raise ValueError(name)


def test_nested_mounts_are_found() -> None:
    """Each template contains those of the outer mounts; hosts and routes have none."""
    leaf = Route("/leaf", PlainTextResponse("ok"))
    inner = Mount("/{b:int}", app=Starlette(routes=[leaf]))
    router = Router([leaf, Mount("/a", routes=[leaf, inner]), Host("h", Router([inner]))])

    assert mount_templates(router) == ["/a", "/a/{b:int}", "", "/{b:int}"]


def test_app_mounted_in_itself_does_not_loop() -> None:
    """The number of levels is limited."""
    router = Router()
    router.mount("/a", router)

    assert max(map(len, mount_templates(router))) == len("/a") * 8


def test_unreadable_router_has_no_mounts() -> None:
    """An object of another framework may raise."""
    router = Router([Mount("/a", app=Router())])
    router.routes.append(Odd())  # type: ignore[arg-type]  # as a framework might

    assert mount_templates(router) == ["/a"]
    assert mount_templates(None) == []
