"""What a gateway holds: requests, connections, tasks, files. After a fault it holds what it did."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

from tests.gateway.conftest import Services
from tests.gateway.stage import PATIENCE, RunningGateway, wait_until


@dataclass(frozen=True)
class Held:
    """Counts at one moment."""

    in_flight: int
    clients: int
    busy: int  # connections to services that serve a request
    admitted: int
    tasks: int
    files: int


def held(gateway: RunningGateway) -> Held:
    """What the gateway holds now. The files are those of this process: ours are closed by then."""
    app = gateway.app
    clusters = app.reach.clusters.values()
    return Held(
        in_flight=len(app.clock.in_flight),
        clients=len(gateway.server.server_state.connections),
        busy=sum(cluster.opened - cluster.idle for cluster in clusters),
        admitted=sum(gate.in_flight for gate in app.gates.values()),
        tasks=len(asyncio.all_tasks(app.clock.loop)),
        files=len(list(Path("/proc/self/fd").iterdir())),
    )


def let_go(gateway: RunningGateway, services: Services) -> Held:
    """The same without the idle connections to services, which come and go."""
    for each in vars(services).values():
        each.drop_connections()
    wait_until(lambda: all(not cluster.opened for cluster in gateway.app.reach.clusters.values()))
    return held(gateway)


@contextmanager
def nothing_left_behind(gateway: RunningGateway, services: Services) -> Iterator[None]:
    """Whatever happens in here, afterwards the gateway holds no more than it held before."""
    before = let_go(gateway, services)
    while (again := let_go(gateway, services)) != before:  # what starts it may still be at work
        before = again
    assert (before.in_flight, before.busy, before.admitted) == (0, 0, 0)
    yield
    after, deadline = let_go(gateway, services), time.monotonic() + PATIENCE
    while not no_more(after, before):
        assert time.monotonic() < deadline, f"{before} has become {after}"
        time.sleep(0.005)
        after = let_go(gateway, services)


def no_more(after: Held, before: Held) -> bool:
    """Less is no leak: a file or task of what ran before may have gone meanwhile."""
    return all(now <= once for now, once in zip(astuple(after), astuple(before), strict=True))
