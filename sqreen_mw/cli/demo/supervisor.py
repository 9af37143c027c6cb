"""Runs the whole demo: a collector, two sites and their visitors, until it is stopped."""

import asyncio
import json
import signal
from asyncio.subprocess import PIPE
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqreen_mw.cli.banner import login_url
from sqreen_mw.cli.demo.browser import wait_until_answered
from sqreen_mw.cli.demo.child_process import ChildDiedError, ChildProcess, start_child
from sqreen_mw.cli.demo.history import ENVIRONMENT, record_history
from sqreen_mw.cli.demo.session import Site
from sqreen_mw.cli.demo.sites import SiteCommand, environment_with, link_examples
from sqreen_mw.cli.demo.visitors import Sites, visit_forever
from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.events import open_event_store
from sqreen_mw.collector.settings import Settings
from sqreen_mw.collector.state import State, open_state
from sqreen_mw.collector.state.tokens import AGENT_SCOPES

_LIVE: Final = f"&next={quote('/events?range=24h&live=1', safe='')}"
_LINK_LIFETIME: Final = 365 * 24 * 60 * 60
_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoConfig:
    """The configuration of a demo.

    Attributes:
        port: The collector's port.
        shop: The site on FastAPI.
        bank: The site on Flask.
        visitors_rate: Actions per second of all visitors; 0 for no visitors.
        folder: An empty directory for data and logs.
    """

    port: int
    shop: SiteCommand
    bank: SiteCommand
    visitors_rate: float
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """The URLs of a running demo. ``login`` opens the Explorer, as often as needed."""

    url: str
    login: str
    shop: str
    bank: str


async def run_demo(config: DemoConfig, *, announce: Callable[[Links], None]) -> str | None:
    """Run until SIGINT, SIGTERM or SIGHUP. At the end, no started process is left.

    Returns:
        None after a signal. If a part stopped by itself, its name and the last lines of its log.
    """
    running = asyncio.create_task(_run(config, announce=announce))
    _handle_stop_signals(running.cancel)
    stopped: str | None = None
    try:
        await running
    except* asyncio.CancelledError:
        pass
    except* ChildDiedError as deaths:
        stopped = str(deaths.exceptions[0])
    return stopped


def _handle_stop_signals(handler: Callable[[], object]) -> None:
    for number in _STOP_SIGNALS:
        # nohup ignores SIGHUP; keep it ignored.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, handler)


async def _run(config: DemoConfig, *, announce: Callable[[Links], None]) -> None:
    secrets = _prepare(config)
    link_examples(config.folder)
    async with AsyncExitStack() as stack:
        collector = await _start_collector(config, stack)
        banner = await collector.wait_for(_read_banner(collector))
        children = [collector]
        for site in (config.shop, config.bank):
            settings = {"SQREEN_URL": banner["url"], "SQREEN_TOKEN": secrets[site.app]}
            children.append(await _start_site(site, config.folder, stack, settings=settings))
        for child, site in zip(children[1:], (config.shop, config.bank), strict=True):
            await child.wait_for(wait_until_answered(site.url))
        announce(
            Links(
                url=banner["url"],
                login=login_url(banner["url"], secrets["login"]) + _LIVE,
                shop=config.shop.url,
                bank=config.bank.url,
            )
        )
        await _watch(children, config)


async def _watch(children: list[ChildProcess], config: DemoConfig) -> None:
    async with asyncio.TaskGroup() as group:
        for child in children:
            group.create_task(child.watch())
        if config.visitors_rate:
            sites = Sites(shop=Site(config.shop.url), bank=Site(config.bank.url))
            group.create_task(visit_forever(sites, rate=config.visitors_rate))


def _prepare(config: DemoConfig) -> dict[str, str]:
    """Fill the stores before the collector starts. Return the apps' tokens and a login secret."""
    settings = _collector_settings(config)
    with closing(open_event_store(settings.events_url)) as events:
        record_history(events, now=system_clock())
    with closing(open_state(settings.state_url)) as state:
        tokens = {app: _token(state, app) for app in (config.shop.app, config.bank.app)}
        admin = state.users.create("admin", password=None, role="admin")
        login = state.sessions.issue_link(admin, lifetime=_LINK_LIFETIME, reusable=True)
    return tokens | {"login": login}


def _token(state: State, app: str) -> str:
    state.apps.ensure(app)
    state.apps.add_environment(app, ENVIRONMENT)
    return state.tokens.issue(app, name="demo", scopes=AGENT_SCOPES).secret


def _collector_settings(config: DemoConfig) -> Settings:
    return Settings(data_dir=config.folder / "data", port=config.port)


async def _start_collector(config: DemoConfig, stack: AsyncExitStack) -> ChildProcess:
    data_dir = str(_collector_settings(config).data_dir)
    child = await start_child(
        "collector",
        ["-m", "sqreen_mw", "serve", "--port", str(config.port), "--data-dir", data_dir, "--json"],
        folder=config.folder,
        environment=environment_with({}),
        stdout=PIPE,
    )
    return _stop_at_end(child, stack)


async def _read_banner(child: ChildProcess) -> dict[str, Any]:
    stdout = child.process.stdout
    line = await stdout.readline() if stdout is not None else b""
    if not line:
        await child.watch()
    banner: dict[str, Any] = json.loads(line)
    return banner


async def _start_site(
    site: SiteCommand, folder: Path, stack: AsyncExitStack, *, settings: Mapping[str, str]
) -> ChildProcess:
    named = {"SQREEN_APP_NAME": site.app, "SQREEN_ENVIRONMENT": ENVIRONMENT, **settings}
    child = await start_child(
        site.app, site.arguments(), folder=folder, environment=environment_with(named)
    )
    return _stop_at_end(child, stack)


def _stop_at_end(child: ChildProcess, stack: AsyncExitStack) -> ChildProcess:
    async def stop() -> None:
        _handle_stop_signals(lambda: None)  # a second signal must not interrupt the shutdown
        await child.stop()

    stack.push_async_callback(stop)
    return child
