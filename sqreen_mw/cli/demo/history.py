"""A day of past events, so that the demo opens with a full chart and one visible attack."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from random import Random
from typing import Any, Final

from sqreen_mw.cli.demo.people import Person, population, suspects
from sqreen_mw.collector.events.base import AcceptedBatch, EventStore
from sqreen_mw.protocol.event import Event, IdentitySource, RequestInfo
from sqreen_mw.protocol.event_id import new_event_id

ENVIRONMENT: Final = "demo"
_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_VISITS: Final = 500
_ATTACK_BEGAN: Final = 5 * _HOUR
"""Milliseconds before the start of the demo."""

_GUESSES: Final = 140
_GUESS_INTERVAL: Final = 2_500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """An action of a visitor. ``seconds`` is the mean time until the next one."""

    app: str
    name: str
    path: str
    status: int = 303
    seconds: int = 40
    identity: IdentitySource = "established"
    properties: Mapping[str, Any] | None = None


def record_history(events: EventStore, *, now: int, seed: int = 1) -> None:
    """Store the events of a day before ``now``, in milliseconds since the epoch, UTC.

    The same seed and time result in the same visits. The sites are ``shop`` and ``bank``.
    """
    random = Random(seed)
    people = population(random)
    past = [*_ordinary_day(people, random, now), *_attack(people, random, now)]
    past = sorted((each for each in past if each[1].timestamp < now), key=_app_and_time)
    for (app, minute), batch in groupby(past, key=_app_and_minute):
        events.append(
            AcceptedBatch(
                app=app,
                env=ENVIRONMENT,
                release=None,
                received_at=(minute + 1) * _MINUTE,
                events=tuple(event for _, event in batch),
            )
        )


def _app_and_time(each: tuple[str, Event]) -> tuple[str, int]:
    return each[0], each[1].timestamp


def _app_and_minute(each: tuple[str, Event]) -> tuple[str, int]:
    return each[0], each[1].timestamp // _MINUTE


def _ordinary_day(
    people: tuple[Person, ...], random: Random, now: int
) -> Iterator[tuple[str, Event]]:
    for _ in range(_VISITS):
        # Most visits are in the middle of the day, as on real sites.
        at = now - int(random.triangular(0, _DAY, _DAY / 2))
        person = random.choice(people)
        for step in _shop_visit(random) if _happens(random, 0.6) else _bank_visit(random):
            yield step.app, _event(step, person, at)
            at += int(random.expovariate(1 / (step.seconds * 1000)))


def _shop_visit(random: Random) -> Iterator[_Step]:
    yield _login("shop", success=True)
    product = random.choice(("lamp", "chair", "teapot", "rug"))
    yield _Step(app="shop", name="cart.item_added", path="/cart", properties={"product": product})
    if _happens(random, 0.3):
        coupon = {"code": random.choice(("SPRING", "WELCOME")), "discount": 500}
        yield _Step(app="shop", name="coupon.applied", path="/cart/coupon", properties=coupon)
    if _happens(random, 0.5):
        order = {"amount": random.randrange(20, 300), "currency": "EUR"}
        yield _Step(app="shop", name="checkout.completed", path="/checkout", properties=order)


def _bank_visit(random: Random) -> Iterator[_Step]:
    if _happens(random, 0.1):
        yield _login("bank", success=False)
    yield _login("bank", success=True)
    if _happens(random, 0.5):
        money = {"amount": random.choice((12.5, 20, 45, 80, 320)), "currency": "EUR"}
        yield _Step(app="bank", name="transfer.created", path="/transfer", properties=money)
    yield _Step(app="bank", name="user.logout", path="/logout")


def _attack(people: tuple[Person, ...], random: Random, now: int) -> Iterator[tuple[str, Event]]:
    """One address tries the passwords of many customers. Three accounts open."""
    _, thief = suspects()
    opened = set(random.sample(range(40, _GUESSES), 3))
    at = now - _ATTACK_BEGAN
    for number in range(_GUESSES):
        victim = random.choice(people)
        yield "bank", _event(_login("bank", success=number in opened), thief, at, user=victim)
        if number in opened:
            money = {"amount": 990.0, "currency": "EUR"}
            step = _Step(app="bank", name="transfer.created", path="/transfer", properties=money)
            yield "bank", _event(step, thief, at + 1_000, user=victim)
        at += int(random.expovariate(1 / _GUESS_INTERVAL))


def _happens(random: Random, probability: float) -> bool:
    return random.random() < probability


def _login(app: str, *, success: bool) -> _Step:
    return _Step(
        app=app,
        name="sq.sdk.users.login",
        path="/login",
        status=303 if success else 401,
        seconds=8,
        identity="established" if success else "claimed",
        properties={"success": success},
    )


def _event(step: _Step, person: Person, at: int, *, user: Person | None = None) -> Event:
    return Event(
        id=new_event_id(at),
        name=step.name,
        timestamp=at,
        properties=dict(step.properties or {}),
        user_identifiers={"email": (user or person).email},
        identity=step.identity,
        request=RequestInfo(
            verb="POST",
            path=step.path,
            route=step.path,
            ip=person.address,
            ip_source="proxy",
            user_agent=person.agent,
            status=step.status,
        ),
    )
