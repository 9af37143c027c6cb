"""A Django site; each event contains the number of its request in every part."""

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
    """Track an event of the request, if the request asks for that many."""
    if index < int(request.GET["events"]):
        sqreen.track(
            "tracked", properties={"number": number, "index": index}, collect_body=index == 1
        )


def plain(request: HttpRequest, number: int) -> HttpResponse:
    """Track in a sync view; an async server runs it in a thread."""
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
    """Serve with Django's middleware; the ASGI middleware only gets the lifespan."""
    await (around if scope["type"] == "lifespan" else django)(scope, receive, send)
