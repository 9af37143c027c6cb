"""The settings of the original Sqreen that have no effect here."""

from collections.abc import Iterable
from typing import Final

from sqreen_mw.agent.config.settings_table import PREFIX

LEGACY_SETTINGS: Final = {
    "graceful_timeout": "the exit waits 2 seconds at most",
    "ingestion_url": "SQREEN_URL is the only address",
    "initial_features": "not supported",
    "instrumentation_timeout": "the start does not wait",
    "legacy_url": "SQREEN_URL is the only address",
    "log_level": "set the level of the logger sqreen_mw",
    "log_location": "add a handler to the logger sqreen_mw",
    "max_obs_queue_length": "the queue holds 10,000 events and 16 MiB",
    "max_queue_length": "the queue holds 10,000 events and 16 MiB",
    "no_sniff_domains": "not supported",
    "proxy_url": "use SQREEN_HTTP_PROXY",
    "rules": "not supported",
    "rules_signature": "not supported",
    "run_in_test": "tests use sqreen_mw.testing",
    "serverless_event_processing": "not supported",
    "skip_logout": "there is no login at the collector",
    "strip_http_referer": "events do not contain the referer",
    "use_dyno_hostname": "events do not contain the host name",
}
"""Settings of the original Sqreen without effect here, and their replacements."""


def legacy_note(names: Iterable[str]) -> str:
    """Return the warning about such settings, which names their replacements.

    Args:
        names: The names as in their source, such as ``SQREEN_RULES`` or ``rules``.
    """
    replaced = [f"{name} ({LEGACY_SETTINGS[name.removeprefix(PREFIX).lower()]})" for name in names]
    return f"settings of the original Sqreen that have no effect here: {', '.join(replaced)}"
