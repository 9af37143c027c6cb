"""The one table of settings: it drives reading, the messages, ``sqreen-mw doctor`` and the docs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqreen_mw.agent.config import validators

PREFIX: Final = "SQREEN_"
CONFIG_FILE: Final = "SQREEN_CONFIG_FILE"
"""The variable that names the file of settings; it is no setting itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting, by whichever way it is given.

    Attributes:
        name: The keyword, and the key in a file.
        kind: What its values look like.
        default: What holds where nobody gives it, in words.
        about: What it does, in a sentence without its end.
        read: Checks a given value; raises ``ValueError`` or ``TypeError`` with the fix.
        is_secret: Whether its value is never shown.
        keyword_only: Whether it is an object of the app, which no variable and no file can hold.
    """

    name: str
    kind: str
    default: str
    about: str
    read: Callable[[Any], object]
    is_secret: bool = False
    keyword_only: bool = False

    def hides(self, value: object) -> bool:
        """Tell whether a given value is not to be shown: a secret, or a URL that may hold one."""
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
        about="Where events go: `https://...` or `http://...` of a collector, `file:///path` for "
        "JSON lines, `console://` for the terminal, `memory://` for this process",
        read=validators.read_url,
    ),
    Setting(
        name="token",
        kind="text",
        default="none",
        about="The secret that the collector knows the app by; `sqreen-mw tokens create APP` "
        "makes one",
        read=validators.read_token,
        is_secret=True,
    ),
    Setting(
        name="http_proxy",
        kind="URL",
        default="`HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY`, but for what `NO_PROXY` names",
        about="The proxy on the way to the collector, such as `http://proxy.example.com:3128`",
        read=validators.read_proxy,
    ),
    Setting(
        name="ca_file",
        kind="path",
        default="the machine's authorities",
        about="A file of certificates, in PEM form, that vouch for the collector, or for an https "
        "proxy, in place of the machine's",
        read=validators.read_ca_file,
    ),
    Setting(
        name="app_name",
        kind="text",
        default="the token's app",
        about="The app's name; the collector refuses one that is not the token's",
        read=validators.read_name,
    ),
    Setting(
        name="environment",
        kind="text",
        default="production",
        about="Where the app runs, such as `staging`",
        read=validators.read_name,
    ),
    Setting(
        name="release",
        kind="text",
        default="none",
        about="The app's own version",
        read=validators.read_name,
    ),
    Setting(
        name="disable",
        kind="flag",
        default="0",
        about="Whether every call is a no-op, whatever else is set",
        read=validators.read_flag,
    ),
    Setting(
        name="flush_interval",
        kind="seconds",
        default="1",
        about="How long an event waits for others to travel with; at most 60",
        read=validators.read_interval,
    ),
    Setting(
        name="spool_dir",
        kind="path",
        default="none: what can't be delivered waits in memory",
        about="A directory of the app's own, where events wait while the collector is away, also "
        "for a later process; made with mode 700 if it is missing",
        read=validators.read_spool_dir,
    ),
    Setting(
        name="spool_size",
        kind="MiB",
        default="64",
        about="What the spool holds at most, of all processes together; the oldest events go first",
        read=validators.read_spool_size,
    ),
    Setting(
        name="spool_age",
        kind="hours",
        default="72",
        about="How long the spool keeps events",
        read=validators.read_spool_age,
    ),
    Setting(
        name="trusted_proxies",
        kind="list of networks",
        default="none but loopback and Unix sockets",
        about="Your own proxies, such as `10.0.0.0/8`; `private` stands for `10.0.0.0/8`, "
        "`172.16.0.0/12`, `192.168.0.0/16`, `100.64.0.0/10` and `fc00::/7`",
        read=validators.read_proxies,
    ),
    Setting(
        name="ip_header",
        kind="name of a header",
        default="X-Forwarded-For",
        about="The one header in which trusted proxies name the client",
        read=validators.read_header_name,
    ),
    Setting(
        name="ignore_paths",
        kind="list of paths",
        default="none",
        about="Requests to these have no events, such as `/healthz`; `/static/*` stands for all "
        "that begin so",
        read=validators.read_ignored,
    ),
    Setting(
        name="strict",
        kind="flag",
        default="0",
        about="Whether a wrong call raises `SqreenUsageError` instead of being logged; for "
        "development",
        read=validators.read_flag,
    ),
    Setting(
        name="strip_sensitive_data",
        kind="flag",
        default="1",
        about="Whether secrets are masked before an event leaves the process",
        read=validators.read_flag,
    ),
    Setting(
        name="strip_sensitive_keys",
        kind="list of names",
        default="password, secret, token and their kin",
        about="Names of values to mask, in place of the default ones",
        read=validators.read_keys,
    ),
    Setting(
        name="strip_sensitive_regex",
        kind="regular expression",
        default="none",
        about="What else is masked in text, besides the known forms of secrets",
        read=validators.read_regex,
    ),
    Setting(
        name="before_send",
        kind="function",
        default="none",
        about="Is shown each event, and returns it, a changed one, or `None` to drop it; masking "
        "comes after it",
        read=validators.read_hook,
        keyword_only=True,
    ),
    Setting(
        name="scrubber",
        kind="object",
        default="made of the `strip_sensitive_...` settings",
        about="The app's own masking, with the methods `text`, `value` and `is_sensitive`",
        read=validators.read_scrubs,
        keyword_only=True,
    ),
)

SETTINGS: Final = {setting.name: setting for setting in _ALL}
"""Every setting by its name, in the order in which people read of them."""

ORIGINAL: Final = {
    "graceful_timeout": "the exit waits 2 seconds",
    "ingestion_url": "there is one address, SQREEN_URL",
    "initial_features": "there are none",
    "instrumentation_timeout": "the start waits for nothing",
    "legacy_url": "there is one address, SQREEN_URL",
    "log_level": "set the level of the logger sqreen_mw",
    "log_location": "give the logger sqreen_mw a handler",
    "max_obs_queue_length": "the queue holds 10,000 events and 16 MiB",
    "max_queue_length": "the queue holds 10,000 events and 16 MiB",
    "no_sniff_domains": "nothing is probed",
    "proxy_url": "its other name, SQREEN_HTTP_PROXY",
    "rules": "there are none",
    "rules_signature": "there are none",
    "run_in_test": "tests use sqreen_mw.testing",
    "serverless_event_processing": "there is no such mode",
    "skip_logout": "there is no login",
    "strip_http_referer": "no event tells of the referer",
    "use_dyno_hostname": "events don't tell of the host",
}
"""Settings of the original Sqreen that have no effect here, and what holds instead."""


def nearest(name: str, spellings: Mapping[str, str]) -> str:
    """Return the advice for a name that is none of the known ones, as they are to be spelled."""
    # Imported here, as few names are misspelled.
    import difflib  # noqa: PLC0415

    bare = name.lower().removeprefix(PREFIX.lower())
    close = difflib.get_close_matches(bare, spellings, n=1)
    if close:
        return f"did you mean {spellings[close[0]]}?"
    return f"there are: {', '.join(sorted(spellings.values()))}"
