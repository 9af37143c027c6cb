"""The lines that an empty Explorer shows for pasting."""

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
    """What to paste, by where it goes."""

    settings: str
    fastapi: str
    flask: str
    curl: str


def snippets(*, url: str, token: str | None, now: int) -> Snippets:
    """Return the lines for a collector's address and a token, or a stand-in for one.

    Args:
        url: Where the collector is reached.
        token: The token's secret.
        now: Milliseconds since the epoch, UTC; the time of the event that curl sends.
    """
    return Snippets(
        settings=f"export SQREEN_URL={url}\nexport SQREEN_TOKEN={token or 'YOUR_TOKEN'}",
        fastapi=_FASTAPI,
        flask=_FLASK,
        curl=_CURL % (new_event_id(now), now),
    )
