"""A FastAPI site; each event contains the number of its request in every part."""

import asyncio
import time
from typing import Annotated

from fastapi import BackgroundTasks, Body, Depends, FastAPI

import sqreen_mw as sqreen
from sqreen_mw import SqreenMiddleware

app = FastAPI()
app.add_middleware(SqreenMiddleware)
Payload = Annotated[dict[str, int], Body()]


def tell(number: int, index: int, events: int) -> None:
    """Track an event of a request, if the request asks for that many."""
    if index < events:
        sqreen.track(
            "tracked", properties={"number": number, "index": index}, collect_body=index == 1
        )


def first(number: int, events: int) -> None:
    """Track in a dependency, which runs in the thread pool."""
    tell(number, 0, events)


async def last(number: int, events: int) -> None:
    """Track after the response."""
    await asyncio.sleep(0.001 * (number % 3))
    tell(number, 2, events)


@app.post("/sync/{number}", dependencies=[Depends(first)])
def in_thread(number: int, events: int, body: Payload, tasks: BackgroundTasks) -> int:
    """Track in the thread pool."""
    time.sleep(0.001 * (number % 5))
    tell(body["number"], 1, events)
    tasks.add_task(last, number, events)
    return number


@app.post("/async/{number}", dependencies=[Depends(first)])
async def in_loop(number: int, events: int, body: Payload, tasks: BackgroundTasks) -> int:
    """Track in the event loop."""
    await asyncio.sleep(0.001 * (number % 5))
    tell(body["number"], 1, events)
    tasks.add_task(last, number, events)
    return number
