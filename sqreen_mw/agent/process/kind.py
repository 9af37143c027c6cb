"""The kind of this process: a worker of multiprocessing or uWSGI, or one that runs tests.

We look in ``sys.modules`` only. A process that never imported these packages is not their worker.
"""

import os
import sys
from typing import Final

_PYTEST_PLUGIN: Final = "_sqreen_mw_pytest"
_TESTING: Final = "sqreen_mw.testing"


def is_uwsgi_master() -> bool:
    """Return True in uWSGI's master, which loads the app, forks workers and runs no threads."""
    uwsgi = sys.modules.get("uwsgi")
    masterpid = getattr(uwsgi, "masterpid", None)
    return masterpid is not None and masterpid() == os.getpid()


def is_first_uwsgi_worker() -> bool:
    """Return True in the worker that delivers the events of the master.

    uWSGI's master runs no exit handlers of Python.
    """
    uwsgi = sys.modules.get("uwsgi")
    worker_id = getattr(uwsgi, "worker_id", None)
    return worker_id is not None and worker_id() == 1


def is_multiprocessing_child() -> bool:
    """Return True in a child of multiprocessing, also while it imports its main module."""
    process = sys.modules.get("multiprocessing.process")
    if process is None:
        return False
    # A spawned child has no parent_process() yet when it imports the main module.
    is_starting = hasattr(process.current_process(), "_inheriting")
    return is_starting or process.parent_process() is not None


def has_pytest_plugin() -> bool:
    """Return whether our pytest plugin is loaded."""
    return _PYTEST_PLUGIN in sys.modules


def runs_tests() -> bool:
    """Return whether our pytest plugin or ``sqreen_mw.testing`` is loaded."""
    return has_pytest_plugin() or _TESTING in sys.modules
