"""Render templates."""

from collections.abc import Mapping
from typing import Any, Final

import jinja2
from starlette.responses import HTMLResponse

from sqreen_mw.collector.dashboard.web.charts import SHORTEST_ZOOM
from sqreen_mw.collector.dashboard.web.csrf import FIELD
from sqreen_mw.collector.dashboard.web.page_context import PageContext
from sqreen_mw.collector.dashboard.web.time_format import (
    bar_text,
    duration_text,
    full_text,
    input_text,
    iso_text,
    local_time,
    span_text,
    zone_text,
)


def sentence(text: str) -> str:
    """Return an error's text as a sentence."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


_templates: Final = jinja2.Environment(
    loader=jinja2.PackageLoader("sqreen_mw.collector.dashboard"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {
    "duration": duration_text,
    "full": full_text,
    "iso": iso_text,
    "input_time": input_text,
    "number": "{:,}".format,
    "sentence": sentence,
    "zone": lambda milliseconds, zone: zone_text(local_time(milliseconds, zone)),
}
_templates.globals |= {
    "span": span_text,
    "bar_span": bar_text,
    "CSRF_FIELD": FIELD,
    "SHORTEST": SHORTEST_ZOOM,
}


def render(
    page: PageContext, template: str, values: Mapping[str, Any], *, status: int = 200
) -> HTMLResponse:
    """Return a page. The template can also use ``page``."""
    html = _templates.get_template(template).render({"page": page} | dict(values))
    return HTMLResponse(html, status)


def render_macro(template: str, macro: str, *arguments: object) -> str:
    """Return the HTML of one macro."""
    module: Any = _templates.get_template(template).module
    return str(getattr(module, macro)(*arguments))
