"""Harbour Bank: ``gunicorn examples.flask_app.app:app --threads 4``.

See ``wsgi_app`` here, then each ``track()`` in ``identity``, ``transfers`` and ``beneficiaries``.
"""

# Imports start at the directory that contains ``examples``, which is the root of a clone. They
# also work in tests, under mypy, and in the copy inside the wheel.

from typing import Any

from flask import Flask, render_template
from werkzeug.exceptions import HTTPException

from examples.flask_app import beneficiaries, identity, transfers
from examples.flask_app.customers import logged_in
from examples.flask_app.database import Database
from examples.flask_app.forms import form_token, refuse_forged_form
from examples.flask_app.settings import Settings
from sqreen_mw import SqreenWSGIMiddleware


def _refused(error: HTTPException) -> tuple[str, int]:
    """Show a view's HTTP error as a page."""
    return render_template("error.html", text=error.description), error.code or 500


def _on_every_page() -> dict[str, Any]:
    return {"customer": logged_in(), "form_token": form_token()}


def create_app(settings: Settings) -> Flask:
    """Create the bank."""
    app = Flask("examples.flask_app")
    app.config.update(
        SECRET_KEY=settings.secret,
        SESSION_COOKIE_NAME="bank_session",
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=64 * 1024,
    )
    app.extensions["bank_database"] = Database(settings.database)
    app.jinja_env.filters["money"] = lambda cents: f"€{cents / 100:,.2f}"
    app.before_request(refuse_forged_form)
    app.context_processor(_on_every_page)
    app.register_error_handler(HTTPException, _refused)
    for module in (transfers, beneficiaries, identity):
        app.register_blueprint(module.pages)
    # The only line that Sqreen needs. SQREEN_URL and SQREEN_TOKEN configure the collector.
    app.wsgi_app = SqreenWSGIMiddleware(app.wsgi_app)  # type: ignore[method-assign]  # Flask documents this assignment
    return app


app = create_app(Settings.from_environment())
