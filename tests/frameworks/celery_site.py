"""A Celery app; its broker is a folder."""

import os
from pathlib import Path

from celery import Celery

import sqreen_mw as sqreen

folder = Path(os.environ["CELERY_FOLDER"])
app = Celery("site", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": str(folder),
    "data_folder_out": str(folder),
    "control_folder": str(folder / "control"),
}


@app.task(name="remind")  # type: ignore[untyped-decorator]  # Celery has no types
def remind(customer: int) -> None:
    """Track outside of a request."""
    sqreen.track("reminded", properties={"by": "mail"}, user_identifiers={"id": customer})
