"""Show a token and code to paste until the first event arrives."""

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.dashboard.explorer.snippets import snippets
from sqreen_mw.collector.dashboard.web.forms import posted_form
from sqreen_mw.collector.dashboard.web.page_context import PageContext
from sqreen_mw.collector.dashboard.web.rendering import render
from sqreen_mw.collector.permissions import Action
from sqreen_mw.collector.state.apps import DEFAULT_APP
from sqreen_mw.collector.state.tokens import AGENT_SCOPES
from sqreen_mw.errors import RefusedError
from sqreen_mw.protocol.token import is_organization_token


async def onboarding(
    page: PageContext, *, secret: str | None = None, app: str = DEFAULT_APP, fault: str = ""
) -> Response:
    """Show how to send the first event.

    Args:
        page: The request.
        secret: The token that was just created.
        app: The app name in the form that creates a token.
        fault: The reason why no token was created.
    """
    services = page.services
    token = secret or await run_in_threadpool(_first_token, page)
    url = services.settings.public_url or str(page.request.base_url).rstrip("/")
    values = {
        "token": token,
        "may_create_token": page.may(Action.CREATE_TOKENS),
        "just_created": secret is not None,
        "for_any_app": token is not None and is_organization_token(token),
        "app": app,
        "fault": fault,
        "snippets": snippets(url=url, token=token, now=system_clock()),
    }
    return render(page, "explorer/onboarding.html", values, status=400 if fault else 200)


async def create_token(page: PageContext) -> Response:
    """Create a token for the app of the form and show it once."""
    app = (await posted_form(page.request)).get("app", "").strip()
    try:
        secret = await run_in_threadpool(_issue, page, app)
    except RefusedError as error:
        return await onboarding(page, app=app, fault=str(error))
    return await onboarding(page, secret=secret, app=app)


def _first_token(page: PageContext) -> str | None:
    """Return the secret of the collector's first token, unless it was revoked."""
    first = page.services.first_token if page.may(Action.CREATE_TOKENS) else None
    return first if first and page.services.state.tokens.verify(first) else None


def _issue(page: PageContext, app: str) -> str:
    state = page.services.state
    state.apps.ensure(app)
    return state.tokens.issue(app, name="first steps", scopes=AGENT_SCOPES).secret
