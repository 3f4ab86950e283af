"""The gateway assembled: pools, guards, the door, the control plane."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from gateway.api.control import Outlook, create_control, ready
from gateway.eventplane.asking import Asking
from gateway.hearing import Hearing
from gateway.operating.assembly import Operations, operate
from gateway.operating.seen import Everything, show
from gateway.pages.errors import Errors
from gateway.proxy.bodies import Pace
from gateway.proxy.caching.assembling import create_cache
from gateway.proxy.caching.cache import SharedCache
from gateway.proxy.clock import Clock
from gateway.proxy.control import Control, Receive, Send
from gateway.proxy.door import Door, Patience
from gateway.proxy.edge.answers import Manners
from gateway.proxy.edge.cors import Cors
from gateway.proxy.edge.forwarded import Proxies
from gateway.proxy.edge.rebuild import Rebuilder
from gateway.proxy.forward import Forwarder
from gateway.proxy.identity.identify import Identifier
from gateway.proxy.identity.identity import Identity, Rules
from gateway.proxy.lasting import Lasting
from gateway.proxy.limits.limits import Limits
from gateway.proxy.reach import Reach
from gateway.proxy.resilience.admission import Gates
from gateway.proxy.respond import Responder
from gateway.proxy.sending import Sender, SendLimits
from gateway.proxy.steps import Steps
from gateway.proxy.tunnel import Tunnels
from gateway.proxy.upstream.clusters import Clusters
from gateway.settings import GatewaySettings
from gateway.views.asker import Asker


@dataclass
class Gateway:
    """All parts, started and stopped with the server's lifespan."""

    door: Door
    clock: Clock
    reach: Reach
    identity: Identity
    operations: Operations
    hearing: Hearing
    hear_events: bool
    limits: Limits
    cache: SharedCache | None
    tunnels: Tunnels
    gates: Gates

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Live as long as the server does; requests come by the listener, not by ASGI."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)

    async def start(self) -> None:
        """Begin to keep time and to listen."""
        self.clock.on_tick += (self.limits.sweep, self.gates.tick)
        await self.limits.start()
        self.identity.watch(self.clock, self.tunnels)
        self.clock.start()
        await self.identity.start()
        self.reach.start()
        await self.operations.start()
        if self.hear_events:
            self.hearing.start()

    async def stop(self) -> None:
        """Give back what we hold."""
        await self.hearing.stop()
        await self.identity.stop()
        if self.cache is not None:
            await self.cache.stop()
        await self.clock.stop()
        await self.limits.stop()
        await self.reach.stop()
        await self.operations.stop()

    @property
    def pools(self) -> Clusters:
        """Every cluster, by name."""
        return self.reach.clusters

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
    reach = Reach(settings, clock)
    pools = reach.services
    hearing, limits = Hearing(settings.bus_url, declare=settings.bus_declare), _limits(settings)
    identity = Identity(pools, Rules.of(settings), hearing, lambda: clock.now)
    reach.hear(hearing)
    kept = reach.keeper
    reach.with_every_table(lambda: limits.load(kept.loaded.limits, kept.table.routes))
    operations = operate(settings, clock)
    gates = _gates(settings, operations)
    outlook = _outlook(settings, reach, identity, operations, hearing, gates)
    rebuilder = Rebuilder(Proxies(settings.proxies()), trace_share=settings.trace_share)
    errors = Errors(https=settings.secure)
    cors = Cors({}, settings.public_url, clock)
    reach.with_every_file(lambda loaded: cors.replace(loaded.cors))
    tunnels = _tunnels(settings, clock)
    operations.parts.metrics.join("websockets", tunnels)
    sender = _sender(settings, rebuilder, operations)
    responder = _responder(settings, identity.identifier, tunnels)
    counts = operations.records.metrics.counts
    forwarder = Forwarder(reach.clusters, gates, sender, responder, counts)
    cache = create_cache(settings, hearing, forwarder, clock)
    hears = settings.hear_events
    show(operations, Everything(reach, gates, identity, limits, hearing, hears, cache))
    steps = Steps(
        table=reach.keeper,
        identifier=identity.identifier,
        forwarder=forwarder,
        control=Control(create_control(outlook), errors, clock),
        cors=cors,
        authoriser=identity.authoriser,
        limits=limits,
        cache=cache,
    )
    door = Door(steps, rebuilder, errors, operations.records, clock, Patience())
    return Gateway(
        door, clock, reach, identity, operations, hearing, hears, limits, cache, tunnels, gates
    )


def _tunnels(settings: GatewaySettings, clock: Clock) -> Tunnels:
    lasting = Lasting(settings.most_streams, settings.most_connections)
    return Tunnels(clock, lasting, settings.event_timeout)


def _outlook(
    settings: GatewaySettings,
    reach: Reach,
    identity: Identity,
    operations: Operations,
    hearing: Hearing,
    gates: Gates,
) -> Outlook:
    pools, clock = reach.services, operations.clock
    asking, needed = Asking(pools, identity.on_behalf), settings.services()
    return Outlook(
        pools=pools,
        described=reach.described_services,
        now=lambda: clock.now,
        public_url=settings.public_url,
        asking=asking,
        views=Asker(pools, identity.on_behalf, gates),
        operators=operations.routers(
            settings,
            asking,
            lambda: ready(pools, needed, hears=hearing.hears(), draining=clock.draining),
        ),
    )


def _limits(settings: GatewaySettings) -> Limits:
    if not settings.limits_url:
        return Limits(most_keys=settings.limits_keys)
    from gateway.proxy.limits.store import RedisStore  # a large library, for those who use it

    store = RedisStore(settings.limits_url, seconds=settings.limits_timeout)
    return Limits(most_keys=settings.limits_keys, store=store)


def _gates(settings: GatewaySettings, operations: Operations) -> Gates:
    clock = operations.clock
    return Gates(settings.admission(), lambda: clock.now)


def _sender(settings: GatewaySettings, rebuilder: Rebuilder, operations: Operations) -> Sender:
    pace = Pace(settings.body_timeout, settings.body_rate)
    limits = SendLimits(queue_seconds=settings.queue_timeout, pace=pace)
    sender = Sender(rebuilder, operations.clock, limits, Manners(https=settings.secure))
    sender.tell_tries = operations.records.spans is not None
    sender.counts = operations.parts.metrics.counts
    return sender


def _responder(settings: GatewaySettings, identifier: Identifier, tunnels: Tunnels) -> Responder:
    return Responder(
        identifier,
        tunnels,
        write_seconds=settings.write_timeout,
        event_seconds=settings.event_timeout,
    )
