"""What becomes of an announcement: a replica joins, is spared, or goes; a new service gets routes.

An announcement is believed about its own service only: the bus lets nobody else say its type. It
cannot take an address that is anybody's, and a replica gets no request before it passed a check.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from gateway.events.consumed import ReplicaAnnounced
from gateway.proxy.routing.file import Defaults, compiled
from gateway.proxy.routing.keeper import Keeper
from gateway.proxy.routing.route import GATEWAY, Route
from gateway.proxy.routing.spec import RouteSpec
from gateway.proxy.upstream.cluster import Cluster
from gateway.proxy.upstream.clusters import Clusters
from gateway.proxy.upstream.pool import Address, address_of
from gateway.proxy.upstream.replica import Replica
from shared.logging import get

MOST_REPLICAS = 100  # of a service
MOST_SERVICES = 100
MISSED = 3  # announcements that may be missing before silence counts
SHORTEST, LONGEST = 1.0, 600.0  # seconds between announcements that we believe
ROOMS = ("/api/", "/admin/", "/static/", "/media/", "/")
# Whoever was called `api` would own what lies below /api.
NOT_FOR_SERVICES = {GATEWAY, "quintet", "internal", "shared", *(each.strip("/") for each in ROOMS)}

_NAME = re.compile(r"[a-z][a-z0-9_-]{1,30}")

log = get("gateway.discovery")


class Discovery:
    """Hears who is there. All on the event loop."""

    def __init__(
        self, clusters: Clusters, keeper: Keeper, defaults: Defaults, now: Callable[[], float]
    ) -> None:
        self.heard = 0
        self.refused = 0
        self._clusters = clusters
        self._keeper = keeper
        self._defaults = defaults
        self._now = now
        self._counts: dict[tuple[str, str], int] = {}  # service, instance → the last we heard

    def hear(self, publisher: str, said: ReplicaAnnounced) -> None:
        """A replica says how it is. `publisher` is the service whose event it is."""
        self.heard += 1
        reason = self._objection(publisher, said)
        if reason:
            self.refused += 1
            log.warning(
                "announcement refused", service=publisher, url=said.url[:100], reason=reason
            )
            return
        key = publisher, said.replica
        if said.count < self._counts.get(key, 0):
            return  # said earlier, heard later
        cluster = self._clusters.get(publisher)
        replica = self._known(cluster, said) if cluster else None
        if said.state == "serving":
            self._serving(publisher, said, replica)
        elif cluster and replica:
            self._leaving(cluster, replica, said)

    def look(self) -> None:
        """Drop replicas that fell silent and do not pass checks; forget old words of others."""
        now = self._now()
        for cluster in [*self._clusters.values()]:
            for replica in [*cluster.replicas]:
                if replica.instance and now > replica.heard_at + MISSED * replica.heard_every:
                    self._silent(cluster, replica)

    def samples(self) -> Iterator[tuple[str, str, str, dict[str, str], float]]:
        """Figures for Prometheus."""
        yield "announcements_total", "counter", "Announcements heard.", {}, self.heard
        text = "Announcements that were not taken."
        yield "announcements_refused_total", "counter", text, {}, self.refused

    def described(self) -> dict[str, Any]:
        """What we know by hearsay, for people and programs."""
        joined = [name for name in self._clusters if not self._clusters.is_configured(name)]
        return {"heard": self.heard, "refused": self.refused, "joined_services": joined}

    def _objection(self, publisher: str, said: ReplicaAnnounced) -> str:
        """Why this cannot be believed; empty if it can."""
        if said.service != publisher:
            return f"it speaks for {said.service[:40]!r}"
        if not _NAME.fullmatch(publisher) or publisher in NOT_FOR_SERVICES:
            return "no service may be called so"
        if not self._keeper.loaded.may_announce(publisher):
            return "the routes file does not allow it"
        try:
            behind = self._clusters.behind(address_of(said.url))
        except ValueError as error:
            return str(error)
        return "this name leads to several replicas" if len(behind) > 1 else ""

    def _address(self, said: ReplicaAnnounced) -> Address:
        """Where it is; one that says the name we know it by is where that name leads."""
        return self._clusters.behind(address_of(said.url))[0]

    def _is_full(self, service: str) -> bool:
        cluster = self._clusters.get(service)
        if cluster is None:
            return len(self._clusters) >= MOST_SERVICES
        return len(cluster.replicas) >= MOST_REPLICAS

    def _refuse(self, said: ReplicaAnnounced, reason: str) -> None:
        self.refused += 1
        log.warning("announcement refused", of=said.service[:40], at=said.url[:99], reason=reason)

    def _known(self, cluster: Cluster, said: ReplicaAnnounced) -> Replica | None:
        """The replica that speaks, or one at its address of which we do not know who it is."""
        for replica in cluster.replicas:
            if replica.instance == said.replica:
                return replica
        there = self._at(cluster, self._address(said))
        return there if there and (said.state == "serving" or not there.instance) else None

    def _at(self, cluster: Cluster, address: Address) -> Replica | None:
        return next((each for each in cluster.replicas if each.address[:2] == address[:2]), None)

    def _serving(self, service: str, said: ReplicaAnnounced, replica: Replica | None) -> None:
        if replica is None and self._is_full(service):
            self._refuse(said, "there are too many")
            return
        cluster = self._clusters.open(service)
        if replica is None:
            replica = cluster.add(self._address(said), proven=False)
            log.info("replica joins", service=service, at=said.url, release=said.release)
        was_new = replica.instance != said.replica
        if was_new:
            self._counts.pop((service, replica.instance), None)
        self._note(replica, said)
        if was_new and (replica.draining or replica.gone or not replica.up):
            replica.check_at = 0.0  # somebody new at an address that was given up: look at once
        replica.draining = replica.gone = False
        cluster.sort_out()
        self._open_routes(service, said)

    def _leaving(self, cluster: Cluster, replica: Replica, said: ReplicaAnnounced) -> None:
        self._note(replica, said)
        if said.state == "gone" and not replica.configured:
            self._forget(cluster, replica)
            return
        log.info("replica leaves", service=cluster.service, at=replica.address.url, how=said.state)
        replica.draining = True
        replica.gone = said.state == "gone"
        cluster.sort_out()

    def _silent(self, cluster: Cluster, replica: Replica) -> None:
        """It has missed several announcements. As long as it passes checks it may stay."""
        if replica.configured:
            # Back to what settings and checks say of this address.
            self._counts.pop((cluster.service, replica.instance), None)
            replica.instance, replica.draining, replica.gone = "", False, False
            cluster.sort_out()
        elif not replica.up or replica.draining:
            log.warning("replica fell silent", service=cluster.service, at=replica.address.url)
            self._forget(cluster, replica)

    def _note(self, replica: Replica, said: ReplicaAnnounced) -> None:
        replica.instance, replica.release = said.replica, said.release
        replica.heard_at = self._now()
        replica.heard_every = min(max(said.every, SHORTEST), LONGEST)
        self._counts[replica.service, said.replica] = said.count

    def _forget(self, cluster: Cluster, replica: Replica) -> None:
        service = cluster.service
        self._counts.pop((service, replica.instance), None)
        cluster.remove(replica)
        if not cluster.replicas and not self._clusters.is_configured(service):
            self._keeper.join(service, ())
            self._clusters.close(service)
            log.warning("service left", service=service)

    def _open_routes(self, service: str, said: ReplicaAnnounced) -> None:
        """Let a service that nobody configured answer below its own name, where that is free."""
        if self._clusters.is_configured(service):
            return
        taken = self._keeper.taken_addresses(but=service)
        mine = [room + service for room in ROOMS]
        free = [each for each in dict.fromkeys(said.prefixes) if each in mine and each not in taken]
        routes = [self._route(service, prefix) for prefix in free]
        if self._keeper.join(service, routes):
            log.info("service joins", service=service, prefixes=free)

    def _route(self, service: str, prefix: str) -> Route:
        return compiled(RouteSpec(service=service, prefix=prefix), self._defaults)
