"""All clusters, by the name of their service; made anew piece by piece as addresses change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from gateway.proxy.flight import Flight
from gateway.proxy.routing.splitting import service_for
from gateway.proxy.upstream import cluster as clusters
from gateway.proxy.upstream.cluster import Cluster
from gateway.proxy.upstream.pool import Address, PoolLimits, address_of
from gateway.proxy.upstream.replica import Judging, Replica
from gateway.refusals import upstream_broken

LEAVING_SECONDS = 60.0  # a cluster that the file no longer names still serves requests under way


class Clusters(Mapping[str, Cluster]):
    """The clusters by name. `get` and `[]` are a dictionary's; `of` chooses for a request."""

    def __init__(self, limits: PoolLimits, judging: Judging, now: Callable[[], float]) -> None:
        self._limits = limits
        self._judging = judging
        self._now = now
        self._clusters: dict[str, Cluster] = {}
        self._leaving: dict[str, tuple[float, Cluster]] = {}  # until when
        self._configured: dict[str, tuple[Address, ...]] = {}
        self._resolved: dict[Address, tuple[Address, ...]] = {}

    def __getitem__(self, service: str) -> Cluster:
        return self._clusters[service]

    def __iter__(self) -> Iterator[str]:
        return iter(self._clusters)

    def __len__(self) -> int:
        return len(self._clusters)

    def of(self, flight: Flight) -> Cluster:
        """The cluster that serves this request: its route's, or the canary's for its share."""
        route = flight.route
        service = service_for(flight) if route.splits else route.service
        return self._clusters.get(service) or self._former(service)

    def configure(self, services: Mapping[str, Sequence[str]]) -> None:
        """Have these services at these URLs; others that were configured before go."""
        for gone in self._configured.keys() - services.keys():
            # Requests under way may have been promised this cluster by the routes of before.
            self._leaving[gone] = self._now() + LEAVING_SECONDS, self._clusters.pop(gone)
        self._configured = {name: tuple(map(address_of, urls)) for name, urls in services.items()}
        for service in self._configured:
            self._apply(service)

    def open(self, service: str) -> Cluster:
        """The cluster of this name, made if there is none."""
        found = self._clusters.get(service)
        if found is None:
            if service in self._leaving:
                found = self._leaving.pop(service)[1]
            else:
                found = Cluster(service, self._limits, self._judging, self._now)
            self._clusters[service] = found
        return found

    def close(self, service: str) -> None:
        """Forget a cluster that is left empty."""
        if not self._clusters[service].replicas:
            del self._clusters[service]

    def is_configured(self, service: str) -> bool:
        """Whether settings or file name this service."""
        return service in self._configured

    def names(self) -> set[Address]:
        """The configured addresses, as written."""
        return {address for some in self._configured.values() for address in some}

    def behind(self, name: Address) -> tuple[Address, ...]:
        """Where a configured host name leads, as far as we know; of others, the address itself."""
        return self._resolved.get(name, (name,))

    def resolved(self, name: Address, found: Sequence[Address]) -> None:
        """A host name leads to these addresses now."""
        if found and self._resolved.get(name) != tuple(found):
            self._resolved[name] = tuple(found)
            for service, addresses in self._configured.items():
                if name in addresses:
                    self._apply(service)

    def steer(self, url: str, *, out: bool) -> bool:
        """Take a replica out, or back in, whatever else is known of it; false if there is none.

        It finishes what it has. When no other is left it is used all the same.
        """
        found = False
        for cluster in self._clusters.values():
            for replica in cluster.replicas:
                if url in (replica.address.url, replica.name):
                    replica.steered, found = out, True
                    cluster.sort_out()
        return found

    def look(self) -> None:
        """What is due from time to time: see Cluster.look and Cluster.expire."""
        for cluster in self._clusters.values():
            cluster.expire()
            cluster.look()
        if self._leaving:
            self._let_go()

    def close_idle(self) -> None:
        """Close what serves nobody, and what will be given back from now on; for the end."""
        former = (cluster for _, cluster in self._leaving.values())
        for cluster in (*self._clusters.values(), *former):
            for replica in cluster.replicas:
                replica.pool.retire()

    def samples(self) -> Iterator[tuple[str, str, str, dict[str, str], float]]:
        """Figures for Prometheus."""
        return clusters.samples(self._clusters.values())

    def described(self) -> list[dict[str, Any]]:
        """Every cluster and replica, for people and programs."""
        return [
            {
                "service": cluster.service,
                "panic": cluster.panic,
                "ejections": cluster.ejections,
                "replicas": [_described(each, self._now()) for each in cluster.replicas],
            }
            for cluster in self._clusters.values()
        ]

    def _former(self, service: str) -> Cluster:
        if service not in self._leaving:
            raise upstream_broken(service)
        return self._leaving[service][1]

    def _let_go(self) -> None:
        for service, (until, cluster) in [*self._leaving.items()]:
            if until <= self._now():
                del self._leaving[service]
                cluster.configure(())
            cluster.expire()

    def _apply(self, service: str) -> None:
        wanted = self._configured[service]
        found = (each for name in wanted for each in self._resolved.get(name, (name,)))
        self.open(service).configure(found)


def _described(replica: Replica, now: float) -> dict[str, Any]:
    return {
        "address": replica.address.url,
        "state": replica.state,
        "warmth": round(replica.warmth(now), 2),
        "instance": replica.instance,
        "release": replica.release,
        "configured": replica.configured,
        "busy": replica.pool.busy,
        "idle": len(replica.pool.idle),
        "ejections": replica.ejections,
        "back_in_seconds": max(0.0, round(replica.ejected_until - now, 1)),
    }
