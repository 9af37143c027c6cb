"""Threads, locks and names of the operating system, also where gevent stands in for them."""

import sys
from importlib import import_module
from typing import Any


def native(module: str, name: str) -> Any:
    """Return what a module of the standard library had under a name before gevent patched it.

    Look it up when it is used: gevent may come late.
    """
    monkey = sys.modules.get("gevent.monkey")
    get_original = getattr(monkey, "get_original", None)
    if get_original is not None:
        return get_original(module, name)
    return getattr(import_module(module), name)
