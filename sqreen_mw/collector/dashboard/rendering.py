"""Templates to pages."""

from collections.abc import Mapping
from typing import Any, Final

import jinja2
from starlette.responses import HTMLResponse

from sqreen_mw.collector.dashboard.csrf import FIELD
from sqreen_mw.collector.dashboard.event_view import Row
from sqreen_mw.collector.dashboard.explorer_url import FILTERS, PRESET_NAMES, ExplorerUrl
from sqreen_mw.collector.dashboard.visit import Visit
from sqreen_mw.collector.dashboard.zones import (
    duration_text,
    full_text,
    input_text,
    iso_text,
    moment,
    span_text,
    zone_text,
)

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
    "zone": lambda milliseconds, zone: zone_text(moment(milliseconds, zone)),
}
_templates.globals |= {
    "span": span_text,
    "FILTERS": FILTERS,
    "PRESETS": PRESET_NAMES,
    "CSRF_FIELD": FIELD,
}


def rendered(
    visit: Visit,
    template: str,
    *,
    status: int = 200,
    state: ExplorerUrl | None = None,
    context: Mapping[str, Any],
) -> HTMLResponse:
    """Return a page; every template finds the visit, links, and the Explorer's state."""
    links = visit.links(state)
    values = {"visit": visit, "links": links, "state": links.state, "zone": links.state.zone}
    html = _templates.get_template(template).render(values | dict(context))
    return HTMLResponse(html, status)


def rendered_row(row: Row) -> str:
    """Return one line of the table, as the whole page has it."""
    module: Any = _templates.get_template("parts/row.html").module
    return str(module.event_row(row))
