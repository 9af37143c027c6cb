"""A site of Flask's that tracks on each order."""

import flask

import sqreen_mw as sqreen
from tests.servers.witness import tracked

app = flask.Flask(__name__)
sqreen.Sqreen(app)


@app.get("/")
def ready() -> str:
    """Track nothing."""
    return "ready"


@app.get("/order")
def order() -> str:
    """Track an event."""
    return tracked()
