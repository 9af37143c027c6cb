"""A Flask site; each event contains the number of its request in every part."""

import time
from collections.abc import Iterator

from flask import Flask, Response, request, stream_with_context

import sqreen_mw as sqreen
from sqreen_mw import SqreenWSGIMiddleware

app = Flask(__name__)
app.wsgi_app = SqreenWSGIMiddleware(app.wsgi_app)  # type: ignore[method-assign]


def tell(number: int, index: int) -> None:
    """Track an event of the request, if the request asks for that many."""
    if index < int(request.args["events"]):
        sqreen.track(
            "tracked", properties={"number": number, "index": index}, collect_body=index == 1
        )


@app.post("/sync/<int:number>")
def plain(number: int) -> str:
    """Track in the view."""
    tell(number, 0)
    time.sleep(0.001 * (number % 5))
    tell(request.get_json()["number"], 1)
    tell(number, 2)
    return str(number)


@app.post("/async/<int:number>")
def streaming(number: int) -> Response:
    """Track in the view and while streaming."""

    def parts() -> Iterator[str]:
        yield ""
        time.sleep(0.001 * (number % 5))
        tell(number, 2)
        yield str(number)

    tell(number, 0)
    tell(request.get_json()["number"], 1)
    return Response(stream_with_context(parts()))
