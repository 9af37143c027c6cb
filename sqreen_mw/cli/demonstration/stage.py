"""The whole demonstration: a collector, two sites and their visitors, until it is stopped."""

import asyncio
import json
import signal
from asyncio.subprocess import PIPE
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqreen_mw.cli.demonstration.browser import until_answered
from sqreen_mw.cli.demonstration.children import Child, ChildDiedError, start_child
from sqreen_mw.cli.demonstration.sites import SiteCommand, environment_with, link_examples
from sqreen_mw.cli.demonstration.visit import Site
from sqreen_mw.cli.demonstration.visitors import Sites, visit_for_ever
from sqreen_mw.collector.settings import Settings
from sqreen_mw.collector.state import open_state
from sqreen_mw.collector.state.tokens import AGENT_SCOPES

_LIVE: Final = f"&next={quote('/events?range=15m&live=1', safe='')}"
_STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What is played.

    Attributes:
        port: The collector's.
        shop: The site on FastAPI.
        bank: The site on Flask.
        visitors_rate: Actions a second of all visitors; 0 for no visitors.
        folder: An empty folder for data and logs.
    """

    port: int
    shop: SiteCommand
    bank: SiteCommand
    visitors_rate: float
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where everything is; ``login`` opens the Explorer, once."""

    url: str
    login: str
    shop: str
    bank: str


async def perform(play: Play, *, announce: Callable[[Links], None]) -> str | None:
    """Play until SIGINT, SIGTERM or SIGHUP; then nothing that was started is left.

    Returns:
        None where it was stopped; else which part ended by itself, and its last lines.
    """
    playing = asyncio.create_task(_play(play, announce=announce))
    _on_stop(playing.cancel)
    ended: str | None = None
    try:
        await playing
    except* asyncio.CancelledError:
        pass
    except* ChildDiedError as deaths:
        ended = str(deaths.exceptions[0])
    return ended


def _on_stop(act: Callable[[], object]) -> None:
    for number in _STOPPING:
        # SIGHUP is ignored under nohup, and stays so.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, act)


async def _play(play: Play, *, announce: Callable[[Links], None]) -> None:
    tokens = _tokens(play)
    link_examples(play.folder)
    async with AsyncExitStack() as stage:
        collector = await _start_collector(play, stage)
        spoken = await collector.until(_first_line(collector))
        children = [collector]
        for site in (play.shop, play.bank):
            settings = {"SQREEN_URL": spoken["url"], "SQREEN_TOKEN": tokens[site.app]}
            children.append(await _start_site(site, play.folder, stage, settings=settings))
        for child, site in zip(children[1:], (play.shop, play.bank), strict=True):
            await child.until(until_answered(site.url))
        announce(
            Links(
                url=spoken["url"],
                login=spoken["login"] + _LIVE,
                shop=play.shop.url,
                bank=play.bank.url,
            )
        )
        await _watch(children, play)


async def _watch(children: list[Child], play: Play) -> None:
    async with asyncio.TaskGroup() as group:
        for child in children:
            group.create_task(child.watch())
        if play.visitors_rate:
            sites = Sites(shop=Site(play.shop.url), bank=Site(play.bank.url))
            group.create_task(visit_for_ever(sites, rate=play.visitors_rate))


def _tokens(play: Play) -> dict[str, str]:
    """Make both apps known before the collector starts, which else makes an app of its own."""
    state = open_state(_collector_settings(play).state_url)
    try:
        return {
            app: state.tokens.issue(
                state.apps.ensure(app).name, name="demo", scopes=AGENT_SCOPES
            ).secret
            for app in (play.shop.app, play.bank.app)
        }
    finally:
        state.close()


def _collector_settings(play: Play) -> Settings:
    return Settings(data_dir=play.folder / "data", port=play.port)


async def _start_collector(play: Play, stage: AsyncExitStack) -> Child:
    where = ["--port", str(play.port), "--data-dir", str(_collector_settings(play).data_dir)]
    child = await start_child(
        "collector",
        ["-m", "sqreen_mw", "serve", *where, "--json"],
        folder=play.folder,
        environment=environment_with({}),
        stdout=PIPE,
    )
    return _to_be_stopped(child, stage)


async def _first_line(child: Child) -> dict[str, Any]:
    assert child.process.stdout is not None  # noqa: S101  # it was started so
    line = await child.process.stdout.readline()
    if not line:
        await child.watch()
    spoken: dict[str, Any] = json.loads(line)
    return spoken


async def _start_site(
    site: SiteCommand, folder: Path, stage: AsyncExitStack, *, settings: Mapping[str, str]
) -> Child:
    named = {"SQREEN_APP_NAME": site.app, "SQREEN_ENVIRONMENT": "demo", **settings}
    child = await start_child(
        site.app, site.arguments(), folder=folder, environment=environment_with(named)
    )
    return _to_be_stopped(child, stage)


def _to_be_stopped(child: Child, stage: AsyncExitStack) -> Child:
    async def stop() -> None:
        _on_stop(lambda: None)  # a second signal must not interrupt the stopping
        await child.stop()

    stage.push_async_callback(stop)
    return child
