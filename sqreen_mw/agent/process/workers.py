"""The ends of child processes that run no exit handlers: multiprocessing's, and Celery's workers.

Nothing is imported for them: a process that has not loaded their modules is none of these.
"""

import atexit
import os
import sys
from typing import Final

from sqreen_mw.agent.process.exit import end
from sqreen_mw.agent.process.sigterm import insist_on_sigterm


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


LAST: Final = -10
"""The priority among multiprocessing's finalizers: the app's come first, as they may track."""


def follow_child_end() -> None:
    """Do what is to be done at the end, also where this process ends by ``os._exit``."""
    process, util, signals = (
        sys.modules.get(name)
        for name in ("multiprocessing.process", "multiprocessing.util", "celery.signals")
    )
    if process is not None and util is not None and process.parent_process() is not None:
        util.Finalize(None, end, exitpriority=LAST)
        # On Python 3.13 finalizers are run by an exit handler, which would come after ours.
        atexit.unregister(end)
        insist_on_sigterm()
    if signals is not None:
        connect = signals.worker_process_shutdown.connect
        connect(_end_of_worker, weak=False, dispatch_uid=__name__)


def _end_of_worker(**_: object) -> None:
    end()
