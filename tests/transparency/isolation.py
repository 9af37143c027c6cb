"""Many concurrent requests, each with its own number, and a check of their events."""

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.support.ports import free_port
from tests.support.server_process import run_server

ASGI = ("uvicorn", "--log-level", "warning", "--port", "{port}")
WSGI = (
    *("gunicorn", "-k", "gthread", "-w", "2", "--threads", "16", "-b", "127.0.0.1:{port}"),
    *(
        "--keep-alive",
        "75",
    ),  # no client reuses a closing connection
)
SITES = {"fastapi": ASGI, "flask": WSGI, "django": ASGI, "django_wsgi": WSGI}
PATIENCE = 60.0


@dataclass(frozen=True)
class Load:
    """A number of requests, how many run at a time, and the events that each one tracks."""

    requests: int
    concurrency: int
    seed: int = 0

    @property
    def events(self) -> list[int]:
        """The number of events of each request."""
        dice = random.Random(self.seed)
        return [dice.randrange(4) for _ in range(self.requests)]


def address(number: int) -> str:
    """Return the client IP of a request."""
    return f"198.18.{number // 250}.{number % 250}"


def events_of(site: str, load: Load, folder: Path) -> list[dict[str, Any]]:
    """Serve a site, send the requests, stop it, and return its events."""
    module, *arguments = SITES[site]
    port = free_port()
    file = folder / "events"
    command = ["-m", module, *(each.format(port=port) for each in arguments)]
    target = f"tests.transparency.isolation_{site}:app"
    with run_server(
        [*command, target],
        port=port,
        log=folder / "log",
        settings={"SQREEN_URL": f"file://{file}", "SQREEN_FLUSH_INTERVAL": "0.1"},
    ):
        asyncio.run(_send(port, load))
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def faults(events: list[dict[str, Any]], load: Load) -> list[str]:
    """Return the faults: unknown, duplicate and missing events, and mixed data."""
    wanted = Counter(
        (number, index) for number, count in enumerate(load.events) for index in range(count)
    )
    found = Counter((e["properties"]["number"], e["properties"]["index"]) for e in events)
    wrong = [f"missing {key}" for key in (wanted - found)]
    wrong += [f"too many {key}" for key in (found - wanted)]
    wrong += [f"mixed {event}" for event in events if _numbers(event) != _expected(event)]
    if len({event["id"] for event in events}) != len(events):
        wrong.append("an id comes twice")
    return wrong


def _numbers(event: dict[str, Any]) -> set[str]:
    """Return the request number in each part of an event."""
    request = event["request"]
    parameters = request["params"]
    said = {
        request["path"].rpartition("/")[2],
        request["user_agent"].removeprefix("client/"),
        *parameters["query"]["number"],
        parameters["path"]["number"],
        str(event["properties"]["number"]),
    }
    if "json" in parameters:
        said.add(str(parameters["json"]["number"]))
    return said | {request["ip"]}


def _expected(event: dict[str, Any]) -> set[str]:
    number = event["properties"]["number"]
    return {str(number), address(number)}


async def _send(port: int, load: Load) -> None:
    """Send all requests in random order."""
    numbers = list(enumerate(load.events))
    random.Random(load.seed + 1).shuffle(numbers)
    async with httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{port}",
        timeout=PATIENCE,
        limits=httpx2.Limits(max_connections=load.concurrency),
        trust_env=False,
    ) as client:
        free = asyncio.Semaphore(load.concurrency)
        async with asyncio.TaskGroup() as tasks:
            for number, count in numbers:
                tasks.create_task(_ask(client, free, number, count))


async def _ask(
    client: httpx2.AsyncClient, free: asyncio.Semaphore, number: int, count: int
) -> None:
    async with free:
        answer = await client.post(
            f"/{'sync' if number % 2 else 'async'}/{number}",
            params={"number": number, "events": count},
            json={"number": number},
            headers={"User-Agent": f"client/{number}", "X-Forwarded-For": address(number)},
        )
    if answer.raise_for_status().text != str(number):
        raise AssertionError(f"{number} was answered {answer.text!r}")
