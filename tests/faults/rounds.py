"""One round: shoppers buy, something breaks, the platform comes to rest, and all is counted."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pika.exceptions import AMQPError
from sqlalchemy.exc import DBAPIError

from tests.faults.checker import Expected, Verdict, check
from tests.faults.counters import Counters
from tests.faults.facts import read_facts, subscriptions, unrest
from tests.faults.history import History
from tests.faults.leaks import Leaks
from tests.faults.rig import BUS_SIDE, USUAL, Rig
from tests.faults.shoppers import CARDS, WEIGHTS, Crowd
from tests.system.platform import SERVICES

DRAINED_WITHIN = 60.0
DUPLICATES = re.compile(rb"duplicates ignored.*count=(\d+)")


@dataclass(frozen=True)
class Scenario:
    """One kind of fault, and on what kind of platform it is tried."""

    name: str
    faults: tuple[int, ...]  # as they are numbered in the list of faults
    act: Callable[[Round], None]
    stacks: tuple[str, ...] = ("embedded", "real")
    rig: dict[str, str] = field(default_factory=dict)  # scenarios with the same share a platform
    orders: int = 200
    pause: float = 0.0
    most: int = 99  # rounds per stack of one suite
    cards: tuple[str, ...] = CARDS
    weights: tuple[int, ...] = WEIGHTS
    short: bool = False  # part of every test run


@dataclass
class Result:
    """What one round showed."""

    scenario: str
    faults: tuple[int, ...]
    stack: str
    seed: int
    attempted: int = 0
    acknowledged: int = 0
    refused: int = 0
    failed_tries: int = 0
    recovered: int = 0  # orders that exist although nobody was told
    lost: int = 0
    duplicated: int = 0  # deliveries that were recognised and ignored
    double_applied: int = 0
    drain_seconds: float = 0.0
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether everything held."""
        return not self.broken

    def as_json(self) -> dict[str, Any]:
        """For the results file."""
        return asdict(self)


class Round:
    """What a fault may use while it acts."""

    def __init__(self, rig: Rig, scenario: Scenario, seed: int, history: History) -> None:
        self.rig = rig
        self.scenario = scenario
        self.seed = seed
        self.dice = random.Random(seed)
        self.history = history
        self.heard_by = subscriptions(rig)  # event types by the service that must hear them
        self.poison: set[str] = set()
        self.strangers: set[str] = set()
        self.ordered = True
        self.counted = True  # False: a commit whose answer is lost is in no figure
        self.wrong: list[str] = []  # what the fault itself found wanting
        self.detail: list[str] = []
        self.over_at = 0.0
        self.said_before = rig.said_before | _said(rig)  # their order was judged before
        doors = {"shop": rig.ports["shop"], "gateway": rig.ports["gateway"]}
        self.crowd = Crowd(
            history, seed, doors, rig.plenty, self.dice.choice(rig.rare),
            orders=scenario.orders, pause=scenario.pause,
            cards=scenario.cards, weights=scenario.weights,
        )  # fmt: skip

    def expect(self, holds: bool, otherwise: str) -> None:
        """Something this fault asks for beside the invariants."""
        if not holds:
            self.wrong.append(otherwise)

    def wait_for_orders(self, share: float, *, within: float = 60.0) -> None:
        """Until so large a part of the orders is acknowledged, or nobody is left."""
        deadline = time.monotonic() + within
        while self.history.counts["ack"] < share * self.scenario.orders:
            if time.monotonic() > deadline or not any(t.is_alive() for t in self.crowd.threads):
                return
            time.sleep(0.01)

    def wait_for_death(self, name: str, within: float) -> bool:
        """Whether the process ended by itself in time."""
        deadline = time.monotonic() + within
        while self.rig.is_up(name) and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self.rig.is_up(name)

    def eventually(self, condition: Callable[[], bool], *, within: float) -> bool:
        """Whether it becomes true in time."""
        deadline = time.monotonic() + within
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def orders_taken(self) -> int:
        """How many orders were acknowledged so far."""
        return self.history.counts["ack"]

    @contextmanager
    def fault(self, what: str) -> Iterator[None]:
        """The time during which something is broken."""
        self.history.note("fault begins", fault=what)
        self.detail.append(what)
        try:
            yield
        finally:
            self.history.note("fault ends", fault=what)
            self.over_at = time.monotonic()


def play(rig: Rig, scenario: Scenario, seed: int, history_file: Path) -> Result:
    """One round, from the first shopper to the last check."""
    began = time.monotonic()
    history = History(history_file)
    orders_before = _orders(rig)
    logs, leaks, counters = _Logs(rig.folder), Leaks(rig), Counters(rig)
    round_ = Round(rig, scenario, seed, history)
    round_.crowd.start()
    try:
        scenario.act(round_)
    except Exception as error:  # the round goes on: what was broken must still be counted
        round_.wrong.append(f"the fault could not be done: {error!r}")
    finally:
        round_.crowd.wait()
    for name in make_whole(rig):
        round_.wrong.append(f"{name} ended by itself")
    verdict, drained = _come_to_rest(rig, round_)
    acknowledged = len(set(history.acknowledged.values()))
    result = Result(
        scenario.name, scenario.faults, rig.stack, seed,
        attempted=history.attempted,
        acknowledged=acknowledged,
        refused=history.counts["refused"],
        failed_tries=history.counts["failed"],
        recovered=max(0, _orders(rig) - orders_before - acknowledged),
        lost=verdict.lost,
        duplicated=logs.sum(DUPLICATES),
        double_applied=verdict.double_applied,
        drain_seconds=round(drained, 2),
        seconds=round(time.monotonic() - began, 1),
        broken=[*round_.wrong, *verdict.broken, *leaks.found(), *(counters.found() if round_.counted else ())],
        detail="; ".join(round_.detail),
    )  # fmt: skip
    if history.counts["gave up"]:
        result.broken.append(f"{history.counts['gave up']} shoppers gave up after trying for long")
    history.note("result", **result.as_json())
    history.close()
    return result


def _come_to_rest(rig: Rig, round_: Round) -> tuple[Verdict, float]:
    """Wait until all rules hold, at most a minute from the end of fault and shopping."""
    since = max(round_.over_at, time.monotonic())
    expected = Expected(
        subscriptions=round_.heard_by,
        acknowledged=dict(round_.history.acknowledged),
        contradictions=tuple(round_.history.contradictions),
        poison=frozenset(round_.poison),
        strangers=frozenset(round_.strangers),
        consumers={"auth": 1, "catalog": 1, "shop": 1},
        ordered=round_.ordered,
        before=round_.said_before,
    )
    verdict, why = Verdict(["nothing could be read"]), ""
    while time.monotonic() - since < DRAINED_WITHIN:
        try:
            why = unrest(rig)
            if not why:
                verdict = check(read_facts(rig), expected)
                if not verdict.broken:
                    return verdict, time.monotonic() - since
        except (DBAPIError, AMQPError, OSError) as error:
            why = f"cannot be read: {error!r}"
        time.sleep(0.1 if why else 0.5)
    verdict = check(read_facts(rig), expected)
    if why:
        verdict.broken.insert(0, f"not at rest after {DRAINED_WITHIN:.0f} s: {why}")
    return verdict, time.monotonic() - since


def settle_in(rig: Rig) -> None:
    """Start the platform, and wait until what it says in the beginning has been heard."""
    rig.open()
    deadline = time.monotonic() + DRAINED_WITHIN
    while why := unrest(rig):
        if time.monotonic() > deadline:
            raise AssertionError(f"the platform did not settle: {why}\n{rig.logs()}")
        time.sleep(0.1)
    rig.said_before = _said(rig)


def make_whole(rig: Rig) -> list[str]:
    """Start what ended by itself and end what is extra; the names of the former."""
    died = rig.bury()
    missing = [name for name in USUAL if not rig.is_up(name)]
    rig.start(*missing)
    return died


def _said(rig: Rig) -> frozenset[str]:
    return frozenset(
        str(id_) for service in SERVICES for (id_,) in rig.rows(service, "SELECT id FROM outbox")
    )


def _orders(rig: Rig) -> int:
    return int(str(rig.rows("shop", "SELECT count(*) FROM orders")[0][0]))


class _Logs:
    """What the processes write from now on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._before = {path: path.stat().st_size for path in folder.glob("*.log")}

    def sum(self, pattern: re.Pattern[bytes]) -> int:
        """What the numbers that the pattern finds add up to."""
        found = 0
        for path in self._folder.glob("*.log"):
            with path.open("rb") as log:
                log.seek(self._before.get(path, 0))
                found += sum(int(number) for number in pattern.findall(log.read()))
        return found


__all__ = ["BUS_SIDE", "Result", "Round", "Scenario", "make_whole", "play", "settle_in"]
