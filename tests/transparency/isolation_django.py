"""A Django site whose events say the same number in each of their parts."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

import sqreen_mw as sqreen
from sqreen_mw import SqreenMiddleware

settings.configure(
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=["sqreen_mw.middleware.django.SqreenMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of a test",
)


def tell(request: HttpRequest, number: int, index: int) -> None:
    """Track an event of the request, if the request is to have so many."""
    if index < int(request.GET["events"]):
        sqreen.track("told", properties={"number": number, "index": index}, collect_body=index == 1)


def plain(request: HttpRequest, number: int) -> HttpResponse:
    """Track in the view, in a thread where the server is asynchronous."""
    tell(request, number, 0)
    time.sleep(0.001 * (number % 5))
    tell(request, json.loads(request.body)["number"], 1)
    tell(request, number, 2)
    return HttpResponse(number)


async def streaming(request: HttpRequest, number: int) -> StreamingHttpResponse:
    """Track in the view and while streaming."""

    async def parts() -> AsyncIterator[str]:
        yield ""
        await asyncio.sleep(0.001 * (number % 5))
        tell(request, number, 2)
        yield str(number)

    tell(request, number, 0)
    tell(request, json.loads(request.body)["number"], 1)
    return StreamingHttpResponse(parts())


urlpatterns = [path("sync/<int:number>", plain), path("async/<int:number>", streaming)]
django = get_asgi_application()
around = SqreenMiddleware(django)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Serve by Django's own middleware alone; the other one lives its lifespan."""
    await (around if scope["type"] == "lifespan" else django)(scope, receive, send)
