"""Show a token and code to paste until the first event arrives."""

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.dashboard.explorer.snippets import snippets
from sqreen_mw.collector.dashboard.web.page_context import PageContext
from sqreen_mw.collector.dashboard.web.rendering import render
from sqreen_mw.collector.permissions import Action
from sqreen_mw.collector.services import FIRST_APP
from sqreen_mw.collector.state.tokens import AGENT_SCOPES


async def onboarding(page: PageContext, *, secret: str | None = None) -> Response:
    """Show how to send the first event. ``secret`` is the token that was just created."""
    services = page.services
    token = secret or await run_in_threadpool(_first_token, page)
    url = services.settings.public_url or str(page.request.base_url).rstrip("/")
    values = {
        "token": token,
        "may_create_token": page.may(Action.CREATE_TOKENS),
        "just_created": secret is not None,
        "snippets": snippets(url=url, token=token, now=system_clock()),
    }
    return render(page, "explorer/onboarding.html", values)


async def create_token(page: PageContext) -> Response:
    """Create a token for the first app and show it once."""
    return await onboarding(page, secret=await run_in_threadpool(_issue, page))


def _first_token(page: PageContext) -> str | None:
    """Return the secret of the collector's first token, unless it was revoked."""
    first = page.services.first_token if page.may(Action.CREATE_TOKENS) else None
    return first if first and page.services.state.tokens.verify(first) else None


def _issue(page: PageContext) -> str:
    state = page.services.state
    apps = state.apps.all()
    app = apps[0].name if len(apps) == 1 else state.apps.ensure(FIRST_APP).name
    return state.tokens.issue(app, name="first steps", scopes=AGENT_SCOPES).secret
