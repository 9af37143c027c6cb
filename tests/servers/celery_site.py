"""Tasks that track, for workers of Celery's."""

import os
from pathlib import Path

from tests.frameworks.celery_site import app
from tests.servers.witness import tracked

__all__ = ["app"]


@app.task(name="order")  # type: ignore[untyped-decorator]  # Celery has no types
def order(number: int) -> None:
    """Track an event, and leave its id in a file that is there only once it is whole."""
    folder = Path(os.environ["ANSWERS"])
    file = folder / f"{number}.part"
    file.write_text(tracked())
    file.rename(folder / f"{number}.done")
