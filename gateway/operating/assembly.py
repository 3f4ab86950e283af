"""Everything that operators see the gateway by, put together: figures, history, pages, ports."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import APIRouter, Depends

from gateway.eventplane.asking import Asking
from gateway.operating.forms import Forms
from gateway.operating.internal import InternalServer, Ready, internal_routes, only_this_machine
from gateway.operating.operators import Operators
from gateway.operating.parts import Parts, read
from gateway.operating.routes import gateway_page
from gateway.proxy.clock import Clock
from gateway.proxy.listener.limits import Listening
from gateway.proxy.records import spans
from gateway.proxy.records.accesslog import AccessLog, Chosen
from gateway.proxy.records.history import History
from gateway.proxy.records.metrics import Metrics
from gateway.proxy.records.noting import Records
from gateway.proxy.records.outlet import Outlet
from gateway.proxy.records.process import LoopLag, Process
from gateway.proxy.records.rendering import Sample
from gateway.settings import GatewaySettings


@dataclass
class Operations:
    """What operators have. `parts` is open: whoever is built later joins there."""

    records: Records
    parts: Parts
    outlet: Outlet
    access: AccessLog | None
    clock: Clock
    internal: InternalServer | None = None

    async def start(self) -> None:
        """Begin to keep the history, and to answer on the internal port if there is one."""
        self.clock.on_tick.append(self._tick)
        if self.access is not None:
            self.clock.on_tick.append(self.access.flush)
        if self.internal is not None:
            await self.internal.start()

    async def stop(self) -> None:
        """Write down what is left."""
        if self.internal is not None:
            await self.internal.stop()
        if self.access is not None:
            self.access.flush()
        if self.records.spans is not None:
            await asyncio.to_thread(self.records.spans.close)
        await asyncio.to_thread(self.outlet.close)

    def follow_clients(self, listening: Listening) -> None:
        """Know how many clients are connected, and how many spoke no HTTP."""
        self.parts.connections = lambda: len(listening.connections)
        self.parts.metrics.join("clients", ClientFigures(listening))

    def routers(
        self, settings: GatewaySettings, asking: Asking, ready: Ready
    ) -> tuple[APIRouter, ...]:
        """What is answered on the public port; the rest goes to the internal one, if there is one.

        Without one, the public port answers that too, but this machine only.
        """
        page = gateway_page(
            self.parts, Operators(asking, lambda: self.clock.now), Forms(secure=settings.secure)
        )
        inner = internal_routes(self.parts, ready)
        if settings.internal_port is not None:
            self.internal = InternalServer(inner, settings.internal_host, settings.internal_port)
            return (page,)
        near = APIRouter(dependencies=[Depends(only_this_machine)])
        near.include_router(inner)
        return page, near

    def _tick(self) -> None:
        now = self.clock.now
        self.parts.lag.tick(now)
        self.parts.history.tick(now)


class ClientFigures:
    """What the listener counts."""

    def __init__(self, listening: Listening) -> None:
        self._listening = listening

    def samples(self) -> Iterator[Sample]:
        """Connections, and what came over them that was no HTTP."""
        number = len(self._listening.connections)
        yield "connections", "gauge", "Clients that are connected.", {}, number
        says = "Requests that were no HTTP, answered before any route was looked for."
        yield "malformed_total", "counter", says, {}, self._listening.refused


def operate(settings: GatewaySettings, clock: Clock) -> Operations:
    """The records of a gateway, and what operators see it by; other parts join in `parts`."""
    metrics, outlet, lag = Metrics(), Outlet(), LoopLag(clock.tick)
    parts = Parts(
        metrics=metrics,
        history=History(metrics.counts),
        lag=lag,
        in_flight=lambda: len(clock.in_flight),
        lines_dropped=lambda: outlet.dropped,
    )
    parts.history.follow(totals=lambda: _totals(parts), levels=lambda: _levels(parts))
    metrics.join("process", Process())
    metrics.join("loop", lag)
    metrics.join("log", outlet)
    metrics.gauge("in_flight", "Requests being served.", parts.in_flight)
    access = None
    if settings.access_log:
        chosen = Chosen(slow=settings.access_log_slow, share=settings.access_log_share)
        access = AccessLog(settings.log_style, outlet.write, chosen)
    return Operations(Records(metrics, access, spans.set_up()), parts, outlet, access, clock)


def _totals(parts: Parts) -> dict[str, float]:
    """What only grows; a slice of the history keeps by how much."""
    found = {"cpu_seconds": time.process_time()}
    cache = read("cache", parts.cache, None)
    if cache is not None:
        found["cache_hits"], found["cache_misses"] = cache.hits, cache.misses
    limits = read("limits", parts.limits, None)
    if limits is not None:
        found["limited"] = limits.refused
    return found


def _levels(parts: Parts) -> dict[str, float]:
    """What goes up and down; a slice keeps how it was."""
    return {"in_flight": float(parts.in_flight()), "loop_lag": parts.lag.take_worst()}
