"""What uWSGI tells the Python that it holds, if it does."""

import os
import sys


def loads_for_workers() -> bool:
    """Tell whether this is uWSGI's master, which loads the app and then forks its workers.

    It runs no threads while it is one.
    """
    uwsgi = sys.modules.get("uwsgi")
    masterpid = getattr(uwsgi, "masterpid", None)
    return masterpid is not None and masterpid() == os.getpid()


def first_worker() -> bool:
    """Tell whether this is the one worker that sees to what the master had queued.

    uWSGI's master runs no exit handlers of Python.
    """
    uwsgi = sys.modules.get("uwsgi")
    worker_id = getattr(uwsgi, "worker_id", None)
    return worker_id is not None and worker_id() == 1
