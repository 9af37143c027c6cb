"""The table of settings: parsing, messages, ``sqreen-mw doctor`` and the docs use it.

The settings of the original Sqreen that have no effect here have a table of their own.

To add a setting, add it here, to ``Settings`` and to ``Config``; then copy the output of
``sqreen-mw doctor settings --markdown`` to docs/settings.md.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqreen_mw.agent.config import validators

PREFIX: Final = "SQREEN_"
CONFIG_FILE: Final = "SQREEN_CONFIG_FILE"
"""The variable that names the file of settings; it is not a setting itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting.

    Attributes:
        name: The keyword, and the key in a file.
        kind: The form of its values.
        default: The default, in words.
        about: Its effect, without a full stop.
        parse: Checks a value; raises ``ValueError`` or ``TypeError`` with the fix.
        is_secret: Whether its value is never shown.
        keyword_only: Whether it is an object of the app, so it has no variable.
    """

    name: str
    kind: str
    default: str
    about: str
    parse: Callable[[Any], object]
    is_secret: bool = False
    keyword_only: bool = False

    def hides(self, value: object) -> bool:
        """Return True for a secret, and for a URL that may contain one."""
        return self.is_secret or (self.kind == "URL" and "@" in str(value))

    @property
    def variable(self) -> str:
        """The environment variable."""
        return PREFIX + self.name.upper()


_ALL: Final = (
    Setting(
        name="url",
        kind="URL",
        default="none: every call is a no-op",
        about="The destination of events: `https://...` or `http://...` of a collector, "
        "`file:///path` for JSON lines, `console://` for the terminal, or `memory://` for this "
        "process",
        parse=validators.parse_url,
    ),
    Setting(
        name="token",
        kind="text",
        default="none",
        about="The app's secret for the collector; `sqreen-mw tokens create APP` makes one",
        parse=validators.parse_token,
        is_secret=True,
    ),
    Setting(
        name="http_proxy",
        kind="URL",
        default="`HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY`, except for hosts in `NO_PROXY`",
        about="The proxy between the app and the collector, such as `http://proxy.example.com:3128`",
        parse=validators.parse_proxy,
    ),
    Setting(
        name="ca_file",
        kind="path",
        default="the CAs of the machine",
        about="A file of CA certificates in PEM form, which replaces the CAs of the machine for "
        "the collector and an https proxy",
        parse=validators.parse_ca_file,
    ),
    Setting(
        name="app_name",
        kind="text",
        default="the token's app",
        about="The app's name; the token must be of this app, or the one of the first start",
        parse=validators.parse_name,
    ),
    Setting(
        name="environment",
        kind="text",
        default="production",
        about="The environment of the app, such as `staging`",
        parse=validators.parse_name,
    ),
    Setting(
        name="release",
        kind="text",
        default="none",
        about="The app's own version",
        parse=validators.parse_name,
    ),
    Setting(
        name="disable",
        kind="flag",
        default="0",
        about="`1` makes every call a no-op",
        parse=validators.parse_bool,
    ),
    Setting(
        name="flush_interval",
        kind="seconds",
        default="1",
        about="Maximum age of an event when its batch is sent; at most 60",
        parse=validators.parse_interval,
    ),
    Setting(
        name="spool_dir",
        kind="path",
        default="none: undelivered events stay in memory",
        about="A directory for events that cannot be delivered yet; a later process delivers them "
        "too. It is created with mode 700 if it does not exist",
        parse=validators.parse_spool_dir,
    ),
    Setting(
        name="spool_size",
        kind="MiB",
        default="64",
        about="Maximum size of the spool, of all processes together; the oldest events are removed "
        "first",
        parse=validators.parse_spool_size,
    ),
    Setting(
        name="spool_age",
        kind="hours",
        default="72",
        about="Maximum age of events in the spool",
        parse=validators.parse_spool_age,
    ),
    Setting(
        name="trusted_proxies",
        kind="list of networks",
        default="only loopback and Unix sockets",
        about="Your own proxies, such as `10.0.0.0/8`; `private` means `10.0.0.0/8`, "
        "`172.16.0.0/12`, `192.168.0.0/16`, `100.64.0.0/10` and `fc00::/7`",
        parse=validators.parse_networks,
    ),
    Setting(
        name="ip_header",
        kind="name of a header",
        default="X-Forwarded-For",
        about="The header in which trusted proxies send the client's address",
        parse=validators.parse_header_name,
    ),
    Setting(
        name="ignore_paths",
        kind="list of paths",
        default="none",
        about="Paths whose requests have no events, such as `/healthz`; `/static/*` matches all "
        "paths below `/static/`",
        parse=validators.parse_ignore_paths,
    ),
    Setting(
        name="strict",
        kind="flag",
        default="0",
        about="`1` makes a wrong call raise `SqreenUsageError` instead of a log line, for "
        "development",
        parse=validators.parse_bool,
    ),
    Setting(
        name="strip_sensitive_data",
        kind="flag",
        default="1",
        about="`0` turns off the masking of secrets",
        parse=validators.parse_bool,
    ),
    Setting(
        name="strip_sensitive_keys",
        kind="list of names",
        default="password, secret, token and similar names",
        about="Names of keys whose values are masked; they replace the default names",
        parse=validators.parse_keys,
    ),
    Setting(
        name="strip_sensitive_regex",
        kind="regular expression",
        default="none",
        about="An expression for secrets in text, in addition to the known forms",
        parse=validators.parse_regex,
    ),
    Setting(
        name="before_send",
        kind="function",
        default="none",
        about="A hook that receives each event and returns it, a changed event, or `None` to drop "
        "it; masking follows",
        parse=validators.parse_hook,
        keyword_only=True,
    ),
    Setting(
        name="scrubber",
        kind="object",
        default="one that follows the `strip_sensitive_...` settings",
        about="A scrubber of the app, with the methods `text`, `value` and `is_sensitive`",
        parse=validators.parse_scrubber,
        keyword_only=True,
    ),
)

SETTINGS: Final = {setting.name: setting for setting in _ALL}
"""Every setting by its name, in the order of the documentation."""


def did_you_mean(name: str, spellings: Mapping[str, str]) -> str:
    """Return the most similar of the valid names, for the message about an unknown one."""
    import difflib  # noqa: PLC0415 few names are misspelled

    bare = name.lower().removeprefix(PREFIX.lower())
    close = difflib.get_close_matches(bare, spellings, n=1)
    if close:
        return f"did you mean {spellings[close[0]]}?"
    return f"there are: {', '.join(sorted(spellings.values()))}"


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
