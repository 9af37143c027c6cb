"""Code to paste into an app."""

from dataclasses import dataclass
from typing import Final

from sqreen_mw.protocol.event_id import new_event_id
from sqreen_mw.protocol.token import is_organization_token

_FASTAPI: Final = """\
from fastapi import FastAPI, Request
from sqreen_mw import SqreenMiddleware

app = FastAPI()


@app.post("/coupons/{code}")
def apply_coupon(code: str, request: Request):
    request.state.sqreen.track("coupon.applied", properties={"code": code})
    return {"applied": code}


app.add_middleware(SqreenMiddleware)  # after all other middlewares"""

_FLASK: Final = """\
from flask import Flask, request
from sqreen_mw import SqreenWSGIMiddleware

app = Flask(__name__)
app.wsgi_app = SqreenWSGIMiddleware(app.wsgi_app)


@app.post("/coupons/<code>")
def apply_coupon(code):
    request.environ["sqreen.request"].track("coupon.applied", properties={"code": code})
    return {"applied": code}"""

_DJANGO: Final = """\
# settings.py, at the end
MIDDLEWARE = ["sqreen_mw.middleware.django.SqreenMiddleware", *MIDDLEWARE]

# views.py
from django.http import JsonResponse


def apply_coupon(request, code):
    request.sqreen.track("coupon.applied", properties={"code": code})
    return JsonResponse({"applied": code})"""

_CURL: Final = """\
curl "$SQREEN_URL/v1/events" \\
  -H "Authorization: Bearer $SQREEN_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{"events": [{"id": "%s", "timestamp": %d,
       "event": "coupon.applied", "properties": {"code": "SPRING"}}]}'"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippets:
    """Settings and code for each kind of app."""

    settings: str
    fastapi: str
    flask: str
    django: str
    curl: str


def snippets(*, url: str, token: str | None, now: int) -> Snippets:
    """Return the code for a collector and a token. Without a token it has a placeholder.

    Args:
        url: The collector's address.
        token: The token's secret.
        now: Milliseconds since the epoch, UTC: the timestamp of the event in the curl command.
    """
    settings = f"export SQREEN_URL={url}\nexport SQREEN_TOKEN={token or 'YOUR_TOKEN'}"
    if token is not None and is_organization_token(token):
        settings += "\nexport SQREEN_APP_NAME=default"
    return Snippets(
        settings=settings,
        fastapi=_FASTAPI,
        flask=_FLASK,
        django=_DJANGO,
        curl=_CURL % (new_event_id(now), now),
    )
