"""The gateway assembled: pools, guards, the door, the control plane."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway.api.control import Outlook, create_control
from gateway.pages.errors import Errors
from gateway.proxy.clock import Clock
from gateway.proxy.door import Door, Records
from gateway.proxy.edge.guard import Proxies
from gateway.proxy.edge.headers import Scope
from gateway.proxy.edge.rebuild import Rebuilder
from gateway.proxy.flight import Receive, Send
from gateway.proxy.forward import Forwarder, ForwardLimits
from gateway.proxy.identity.cookies import CookieNames
from gateway.proxy.identity.forgery import Forgery
from gateway.proxy.identity.identify import Identifier
from gateway.proxy.identity.revocations import Revocations
from gateway.proxy.identity.tokens import CacheLimits, SessionTokens
from gateway.proxy.records.accesslog import AccessLog
from gateway.proxy.records.metrics import Metrics
from gateway.proxy.respond import Responder
from gateway.proxy.upstream.pool import Pool, PoolLimits
from gateway.settings import GatewaySettings


@dataclass
class Gateway:
    """The ASGI application: HTTP goes to the door, the lifespan starts and stops the rest."""

    door: Door
    clock: Clock
    pools: dict[str, Pool]
    tokens: SessionTokens
    metrics: Metrics
    access: AccessLog | None
    revocations: Revocations | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        if scope["type"] == "http":
            await self.door(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def start(self) -> None:
        """Begin to keep time and to listen."""
        for pool in self.pools.values():
            self.clock.on_tick.append(partial(pool.expire, self._now))
        if self.access is not None:
            self.clock.on_tick.append(self.access.flush)
        self.clock.start()
        if self.revocations is not None:
            self.revocations.start()

    async def stop(self) -> None:
        """Give back what we hold."""
        if self.revocations is not None:
            await self.revocations.stop()
        await self.clock.stop()
        for pool in self.pools.values():
            pool.close_idle(float("inf"))
        if self.access is not None:
            self.access.flush()

    def _now(self) -> float:
        return self.clock.now

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await self.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})


def create_app(settings: GatewaySettings, clock: Clock | None = None) -> Gateway:
    """The gateway for these settings."""
    clock = clock or Clock()
    pools = _pools(settings)
    tokens = SessionTokens(pools["auth"], CacheLimits(), lambda: clock.now)
    metrics = Metrics()
    access = AccessLog(settings.log_style, _write) if settings.access_log else None
    revocations = Revocations(settings.bus_url, tokens) if settings.hear_events else None
    outlook = Outlook(
        pools=pools,
        now=lambda: clock.now,
        figures=lambda: metrics.text(pools, len(clock.in_flight), len(tokens)),
        hears=lambda: revocations is not None and revocations.hears(),
        public_url=settings.public_url,
    )
    rebuilder = Rebuilder(Proxies(settings.proxies()))
    door = Door(
        _forwarder(settings, pools, rebuilder, tokens, clock),
        rebuilder,
        create_control(outlook),
        Errors(https=settings.secure),
        Records(metrics, access),
        clock,
    )
    return Gateway(door, clock, pools, tokens, metrics, access, revocations)


def _pools(settings: GatewaySettings) -> dict[str, Pool]:
    limits = PoolLimits(
        connections=settings.pool_size,
        waiting=settings.pool_queue,
        connect_seconds=settings.connect_timeout,
        idle_seconds=settings.idle_timeout,
    )
    return {name: Pool(name, urls, limits) for name, urls in settings.services().items()}


def _forwarder(
    settings: GatewaySettings,
    pools: dict[str, Pool],
    rebuilder: Rebuilder,
    tokens: SessionTokens,
    clock: Clock,
) -> Forwarder:
    names = CookieNames.for_site(secure=settings.secure)
    identifier = Identifier(names, Forgery(names, settings.public_url), tokens, clock)
    responder = Responder(
        clock,
        identifier,
        read_seconds=settings.read_timeout,
        write_seconds=settings.write_timeout,
        event_seconds=settings.event_timeout,
    )
    limits = ForwardLimits(
        queue_seconds=settings.queue_timeout,
        read_seconds=settings.read_timeout,
        body_seconds=settings.body_timeout,
        total_seconds=settings.total_timeout,
        api_body=settings.api_body,
        page_body=settings.page_body,
    )
    return Forwarder(pools, rebuilder, identifier, responder, clock, limits)


def _write(lines: str) -> Any:
    sys.stdout.write(lines)
    sys.stdout.flush()
