"""Code to paste into an app."""

from dataclasses import dataclass
from typing import Final

from sqreen_mw.protocol.event_id import new_event_id

_FASTAPI: Final = """\
from fastapi import FastAPI, Request
from sqreen_mw import SqreenMiddleware

app = FastAPI()
app.add_middleware(SqreenMiddleware)


@app.post("/coupons/{code}")
def apply_coupon(code: str, request: Request):
    request.state.sqreen.track("coupon.applied", properties={"code": code})
    return {"applied": code}"""

_FLASK: Final = """\
from flask import Flask, request
from sqreen_mw import SqreenWSGIMiddleware

app = Flask(__name__)
app.wsgi_app = SqreenWSGIMiddleware(app.wsgi_app)


@app.post("/coupons/<code>")
def apply_coupon(code):
    request.environ["sqreen.request"].track("coupon.applied", properties={"code": code})
    return {"applied": code}"""

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
    curl: str


def snippets(*, url: str, token: str | None, now: int) -> Snippets:
    """Return the code for a collector and a token. Without a token it has a placeholder.

    Args:
        url: The collector's address.
        token: The token's secret.
        now: Milliseconds since the epoch, UTC: the timestamp of the event in the curl command.
    """
    return Snippets(
        settings=f"export SQREEN_URL={url}\nexport SQREEN_TOKEN={token or 'YOUR_TOKEN'}",
        fastapi=_FASTAPI,
        flask=_FLASK,
        curl=_CURL % (new_event_id(now), now),
    )
