import pytest
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from sqreen_mw.collector.dashboard.web.page import PageEndpoint
from sqreen_mw.collector.dashboard.web.page_context import PageContext
from sqreen_mw.collector.dashboard.web.security_headers import CONTENT_SECURITY_POLICY
from sqreen_mw.collector.permissions import Action
from tests.collector.dashboard.running_collector import RunningCollector


async def broken(_: PageContext) -> Response:
    """Fail."""
    raise RuntimeError("the secret reason")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_page_error_hides_details(collector: RunningCollector, method: str) -> None:
    """A failed page is an HTML page without internals, and the server gets the error to log."""
    endpoint = PageEndpoint(broken, action=Action.LOG_IN)
    collector.app.router.routes.insert(0, Route("/broken", endpoint, methods=["GET"]))

    answer = TestClient(collector.app, raise_server_exceptions=False).request(method, "/broken")

    assert answer.status_code == 500
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert ("The collector failed" in answer.text) is (method == "GET")
    assert "secret reason" not in answer.text
    with pytest.raises(RuntimeError, match="secret reason"):
        TestClient(collector.app).request(method, "/broken")


def test_page_of_an_app_asks_about_this_app(collector: RunningCollector) -> None:
    """A page with an app in its path asks for a permission on this app."""
    seen: list[bool] = []

    async def page(context: PageContext) -> Response:
        seen.append(context.may(Action.READ_EVENTS))
        return Response()

    endpoint = PageEndpoint(page, action=Action.READ_EVENTS)
    collector.app.router.routes.insert(0, Route("/of/{app}", endpoint, methods=["GET"]))

    assert collector.client("viewer").get("/of/shop").status_code == 200
    assert collector.client(None).get("/of/shop").status_code == 303
    assert seen == [True]
