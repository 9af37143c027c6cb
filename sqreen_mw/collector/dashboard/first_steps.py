"""What an empty Explorer shows: a token, and the lines to paste."""

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.dashboard.rendering import rendered
from sqreen_mw.collector.dashboard.snippets import snippets
from sqreen_mw.collector.dashboard.visit import Visit
from sqreen_mw.collector.services import FIRST_APP
from sqreen_mw.collector.state.tokens import AGENT_SCOPES


async def first_steps(visit: Visit, *, secret: str | None = None) -> Response:
    """Show how the first event gets here; ``secret`` is a token that was just made."""
    services = visit.services
    token = secret or await run_in_threadpool(_first_token, visit)
    url = services.settings.public_url or str(visit.request.base_url).rstrip("/")
    lines = snippets(url=url, token=token, now=system_clock())
    context = {"token": token, "just_made": secret is not None, "lines": lines}
    return rendered(visit, "first_steps.html", context=context)


async def make_token(visit: Visit) -> Response:
    """Make a token for the first app and show it, once."""
    if not visit.may_make_tokens:
        raise HTTPException(403)
    return await first_steps(visit, secret=await run_in_threadpool(_issue, visit))


def _first_token(visit: Visit) -> str | None:
    """Return the secret of the collector's first token, unless it is revoked."""
    first = visit.services.first_token if visit.may_make_tokens else None
    return first if first and visit.services.state.tokens.verify(first) else None


def _issue(visit: Visit) -> str:
    state = visit.services.state
    apps = state.apps.all()
    app = apps[0].name if len(apps) == 1 else state.apps.ensure(FIRST_APP).name
    return state.tokens.issue(app, name="first steps", scopes=AGENT_SCOPES).secret
