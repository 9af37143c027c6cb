import re
from contextlib import suppress
from typing import Any

import flask
from hypothesis import assume, given
from hypothesis import strategies as st
from starlette.routing import BaseRoute, Mount, Route, Router
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, RequestRedirect, Rule

from sqreen_mw.agent.config.config import Config
from sqreen_mw.agent.context import RequestContext
from sqreen_mw.agent.null import NullAgent
from sqreen_mw.agent.requests.asgi import REPORTED_HEADERS, asgi_request
from sqreen_mw.agent.requests.wsgi import wsgi_request
from sqreen_mw.capture.client_ip import LOOPBACK, ClientIp, Networks
from sqreen_mw.capture.request import Describer
from sqreen_mw.scrubbing.scrubber import Scrubber

DESCRIBER = Describer(client_ip=ClientIp(trusted=Networks(LOOPBACK)), scrubber=Scrubber())
AGENT = NullAgent(Config())
SECRET_NAMES = frozenset({"token", "secret", "api_key"})
NAMES = (*sorted(SECRET_NAMES), "id", "kind", "tag", "lang", "page", "part")

# No literal, name or mask has these letters, so a value's text is seen wherever it is.
VALUES = {
    "str": st.text("ZЖÄ-.", min_size=1, max_size=9),
    "path": st.text("ZЖÄ-./", min_size=1, max_size=12),
    "int": st.integers(70_000, 10**12).map(lambda number: f"00{number}"),
    "float": st.integers(70_000, 10**9).map(lambda number: f"0{number}.750"),
    "uuid": st.uuids().map(lambda uuid: str(uuid).upper()),
}
LITERALS = st.sampled_from(["x", "go", "v1", "reset", "-", "."])
HOLES = st.sampled_from(["str", *VALUES])
SEGMENTS = st.one_of(
    LITERALS.map(lambda text: [text]),
    HOLES.map(lambda hole: ["", hole, ""]),
    st.tuples(LITERALS, HOLES, LITERALS).map(list),
    st.tuples(st.just(""), HOLES, st.sampled_from("-."), HOLES, LITERALS).map(list),
)


@st.composite
def filled(draw: st.DrawFn, writing: str) -> list[tuple[str, str]]:
    """Return the segments of a template and of a matching path."""
    names = iter(draw(st.permutations(NAMES)))
    segments = []
    for texts in draw(st.lists(SEGMENTS, min_size=1, max_size=4)):
        template = path = texts[0]
        for hole, after in zip(texts[1::2], texts[2::2], strict=True):
            template += writing.format(converter=hole, name=next(names)) + after
            path += draw(VALUES[hole]) + after
        segments.append((template, path))
    return segments


def joined(texts: Any) -> str:
    """Return a path of segments."""
    return "".join(f"/{text}" for text in texts)


def check(context: RequestContext, given: dict[str, object]) -> None:
    """Assert that the description of a request contains no sensitive value."""
    info = DESCRIBER.describe(context.raw_request())
    description = f"{info.path} {info.route} {info.params.path}".casefold()
    harmless = " ".join(str(given[name]) for name in given.keys() - SECRET_NAMES)
    for name in SECRET_NAMES & given.keys():
        text = str(given[name])
        # The text of a harmless value can be shown.
        if any(run and run not in harmless for run in re.split(r"[-./]", text)):
            assert text.casefold() not in description


class Answer:
    """An ASGI application that does nothing."""

    async def __call__(self, *_: object) -> None:
        """Serve nothing."""


def routed(route: BaseRoute) -> Router:
    """Return a router that serves nothing."""
    return Router([route], redirect_slashes=False, default=Answer())


@given(filled("{{{name}:{converter}}}"), st.integers(0, 3), st.sampled_from(["", "/api"]))
def test_no_secret_of_a_starlette_path_leaves(
    segments: list[tuple[str, str]], mounted: int, root: str
) -> None:
    """Path, route and parameters contain no sensitive value, also below mounts."""
    templates = [template for template, _ in segments]
    router = routed(Route(joined(templates[mounted:]) or "/", Answer()))
    for template in reversed(templates[:mounted]):
        router = routed(Mount(f"/{template}", app=router))
    path = root + (joined(path for _, path in segments[:mounted]))
    path += joined(path for _, path in segments[mounted:]) or "/"
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "root_path": root}
    context = asgi_request(scope, AGENT, REPORTED_HEADERS)
    with suppress(StopIteration):
        router(scope, None, None).send(None)  # type: ignore[arg-type]  # not called

    assume("route" in scope)

    check(context, scope["path_params"])


@given(
    segments=filled("<{converter}:{name}>"),
    taken=st.booleans(),
    script=st.sampled_from(["", "/app"]),
)
def test_no_secret_of_a_flask_path_leaves(
    *, segments: list[tuple[str, str]], taken: bool, script: str
) -> None:
    """Path, route and parameters contain no sensitive value, even if the app removes it."""
    path = joined(path for _, path in segments)
    rule = Rule(joined(template for template, _ in segments).replace("<str:", "<string:"))
    environ = {"SCRIPT_NAME": "", "PATH_INFO": (script + path).encode().decode("latin-1")}
    context = wsgi_request(environ, AGENT, "HTTP_X_FORWARDED_FOR")
    environ["PATH_INFO"] = path.encode().decode("latin-1")
    request = flask.Request(environ)
    try:
        found = Map([rule]).bind("h").match(path, return_rule=True)
    except (HTTPException, RequestRedirect):
        assume(False)
    request.url_rule, values = found
    request.view_args = {} if taken else dict(values)

    check(context, dict(values))
