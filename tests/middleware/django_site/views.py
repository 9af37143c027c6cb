"""The views."""

import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import authenticate, login, logout
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)

import sqreen_mw as sqreen


def here(request: HttpRequest) -> Any:
    """Return the context of a request."""
    return request.sqreen  # type: ignore[attr-defined]  # the middleware's


def hello(request: HttpRequest, **parameters: object) -> HttpResponse:
    """Track with the context and the module, then identify."""
    here(request).track("by.request", properties=parameters)
    sqreen.track("by.module")
    sqreen.track("by.name", request=request)
    sqreen.identify({"id": 42})
    return HttpResponse("ok")


async def hello_async(request: HttpRequest, **parameters: object) -> HttpResponse:
    """Do the same on the event loop."""
    return hello(request, **parameters)


def form(request: HttpRequest) -> HttpResponse:
    """Read a form with a file, after tracking."""
    here(request).track("form", collect_body=True)
    uploads: Any = request.FILES
    sizes = [upload.size for upload in uploads.values()]
    return HttpResponse(f"{request.POST.get('coupon')} {sizes}")


def raw(request: HttpRequest) -> HttpResponse:
    """Read the whole body twice."""
    here(request).track("raw", collect_body=True)
    assert request.body == request.body
    return HttpResponse(request.body)


def in_parts(request: HttpRequest) -> HttpResponse:
    """Read the body as a file, in parts, as REST framework's parsers do."""
    here(request).track("in-parts", collect_body=True)
    first = request.read(5)
    return HttpResponse(first + b"".join(request))


def unread(request: HttpRequest) -> HttpResponse:
    """Do not read the body."""
    here(request).track("unread", collect_body=True)
    return HttpResponse("ok")


def boom(request: HttpRequest) -> HttpResponse:
    """Raise."""
    here(request).track("boom")
    raise RuntimeError("a failing view")


def stream(request: HttpRequest) -> HttpResponseBase:
    """Track while streaming."""

    def parts() -> Iterator[str]:
        yield "one "
        sqreen.track("streamed")
        here(request).identify({"id": 42})
        yield "two"

    return StreamingHttpResponse(parts())


async def stream_async(request: HttpRequest) -> HttpResponseBase:
    """Do the same on the event loop."""

    async def parts() -> AsyncIterator[str]:
        yield "one "
        sqreen.track("streamed")
        here(request).identify({"id": 42})
        yield "two"

    return StreamingHttpResponse(parts())


def file(request: HttpRequest) -> HttpResponseBase:
    """Return a file."""
    here(request).track("file")
    return FileResponse(Path(__file__).open("rb"))


def log_in(request: HttpRequest) -> HttpResponse:
    """Log in like Django's view."""
    user = authenticate(
        request, username=request.POST["username"], password=request.POST["password"]
    )
    if user is None:
        return HttpResponse("no", status=403)
    login(request, user)
    sqreen.track("welcomed")
    return HttpResponse("ok")


async def whereabouts(_: HttpRequest) -> HttpResponse:
    """Return the name of the thread."""
    return HttpResponse(str(threading.get_ident()))


def visit(request: HttpRequest, kind: str) -> HttpResponse:
    """Track two events, or only events with a user of their own, or none."""
    if kind == "tracks":
        sqreen.track("first")
        sqreen.track("second")
    if kind == "names":
        sqreen.track("named", user_identifiers={"username": "kim"})
    return HttpResponse("ok")


async def visit_async(request: HttpRequest, kind: str) -> HttpResponse:
    """Do the same on the event loop; flush or log out after the events."""
    response = visit(request, kind.partition("-")[0])
    if kind.endswith("-flushes"):
        await sqreen.aflush()
    if kind.endswith("-leaves"):
        await sync_to_async(logout)(request)
    return response


def visit_stream(request: HttpRequest, kind: str) -> HttpResponseBase:
    """Do the same, and track in a streaming response."""
    visit(request, kind)
    return StreamingHttpResponse(sqreen.track("streamed") or "" for _ in range(1))
