"""Worker processes of multiprocessing, Celery and uWSGI.

We look in ``sys.modules`` only. A process that never imported these packages is not their worker.
"""

import atexit
import os
import sys
from typing import Final

from sqreen_mw.agent.process.exit import run_exit_callbacks

_LAST: Final = -10
"""The priority of our finalizer. Finalizers of the app run earlier, because they may track."""


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


def register_worker_exit_hooks() -> None:
    """Deliver at the end of a worker that runs no exit handlers."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None and is_multiprocessing_child():
        util.Finalize(None, run_exit_callbacks, exitpriority=_LAST)
        # Python 3.13 runs finalizers in an exit handler, which would come after ours.
        atexit.unregister(run_exit_callbacks)
    signals = sys.modules.get("celery.signals")
    if signals is not None:
        connect = signals.worker_process_shutdown.connect
        connect(_end_celery_worker, weak=False, dispatch_uid=__name__)


def _end_celery_worker(**_: object) -> None:
    run_exit_callbacks()
