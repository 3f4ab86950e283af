"""Where requests go: routes, clusters, their health, and who joins them, put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gateway.events.consumed import AnyReplicaAnnounced
from gateway.hearing import Hearing
from gateway.proxy.clock import Clock
from gateway.proxy.discovery.asking import Question
from gateway.proxy.discovery.joining import Discovery
from gateway.proxy.routing.file import PACKAGED, Defaults, Loaded
from gateway.proxy.routing.keeper import Keeper
from gateway.proxy.routing.route import Timeouts
from gateway.proxy.upstream.cluster import Cluster
from gateway.proxy.upstream.clusters import Clusters
from gateway.proxy.upstream.health import Health
from gateway.proxy.upstream.pool import PoolLimits
from gateway.proxy.upstream.replica import Judging
from gateway.settings import GatewaySettings


class Reach:
    """Knows which service answers an address, and which of its replicas.

    Raises FileRefused when the routes file is bad: there is nothing in force yet that could stay.
    """

    def __init__(self, settings: GatewaySettings, clock: Clock) -> None:
        def now() -> float:
            return clock.now

        self.defaults = defaults_of(settings)
        judging = Judging(
            slow_start=settings.slow_start,
            check_every=settings.check_every,
            eject_seconds=settings.eject_seconds,
        )
        limits = PoolLimits(
            connections=settings.pool_size,
            waiting=settings.pool_queue,
            connect_seconds=settings.connect_timeout,
            idle_seconds=settings.idle_timeout,
        )
        self.clusters = Clusters(limits, judging, now)
        self.keeper = Keeper(settings.routes_file or PACKAGED, self.defaults, now)
        self.discovery = Discovery(self.clusters, self.keeper, self.defaults, now)
        self.services = Services(self.clusters, self.defaults)
        self.described_services = Services(self.clusters, self.defaults, self._has_an_api)
        self._health = Health(self.clusters, judging, now)
        self._question = Question(settings.bus_url, declare=settings.bus_declare)
        self._clock = clock
        self.with_every_file(lambda loaded: self.clusters.configure(loaded.services))

    def with_every_file(self, adopt: Callable[[Loaded], None]) -> None:
        """Do this with the routes file in force, and with every later one before it is."""
        adopt(self.keeper.loaded)
        self.keeper.swapped.append(adopt)

    def with_every_table(self, adopt: Callable[[], None]) -> None:
        """Do this now, and whenever other routes are in force, those of who joined among them."""
        adopt()
        self.keeper.compiled.append(adopt)

    def hear(self, hearing: Hearing) -> None:
        """Learn from the bus who is there."""
        hearing.on_any(AnyReplicaAnnounced, self.discovery.hear)
        hearing.on_gap(self._question.ask)

    def _has_an_api(self, service: str) -> bool:
        """Whether the routes file gives a service the address at which contracts are found."""
        return any(
            route.service == service and route.prefix == f"/api/{service}"
            for route in self.keeper.loaded.routes
        )

    def start(self) -> None:
        """Begin to watch, on the running loop."""
        look = (self.clusters.look, self.discovery.look, self._health.tick)
        self._clock.on_tick.extend(look)
        self.keeper.start()

    async def stop(self) -> None:
        """Stop watching, and close what serves nobody."""
        await asyncio.gather(self.keeper.stop(), self._health.stop(), self._question.stop())
        self.clusters.close_idle()

    def samples(self) -> Iterator[tuple[str, str, str, dict[str, str], float]]:
        """Figures for Prometheus."""
        yield from self.keeper.samples()
        yield from self.clusters.samples()
        yield from self.discovery.samples()

    def described(self) -> dict[str, Any]:
        """Routes, clusters and hearsay, for people and programs."""
        return {
            "routing": self.keeper.described(),
            "clusters": self.clusters.described(),
            "discovery": self.discovery.described(),
        }


class Services(Mapping[str, Cluster]):
    """The services of the platform: those of the settings, and those that joined by themselves.

    Other clusters, as canaries are, have no contract of their own and nobody to be asked; `also`
    says for which of them that is otherwise.
    """

    def __init__(
        self, clusters: Clusters, defaults: Defaults, also: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._clusters = clusters
        self._named = frozenset(defaults.services)
        self._also = also

    def __getitem__(self, service: str) -> Cluster:
        if self._counts(service):
            return self._clusters[service]
        raise KeyError(service)

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._clusters if self._counts(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _counts(self, service: str) -> bool:
        joined = not self._clusters.is_configured(service)
        return service in self._named or joined or self._also(service)


def defaults_of(settings: GatewaySettings) -> Defaults:
    """What the settings say where a routes file says nothing."""
    return Defaults(
        settings.services(),
        Timeouts(settings.connect_timeout, settings.read_timeout, settings.total_timeout),
        settings.api_body,
        settings.page_body,
    )
