"""The replicas of one service, and who of them gets the next request."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator

from gateway.proxy.flight import Flight
from gateway.proxy.upstream.balance import Balancer
from gateway.proxy.upstream.pool import Address, PoolLimits, address_of
from gateway.proxy.upstream.replica import Judging, Replica
from gateway.refusals import upstream_broken
from shared.logging import get

NONE: frozenset[Replica] = frozenset()
LOOK_EVERY = 5.0  # seconds between looks at who answers worse than the others

log = get("gateway.replicas")


class Cluster:
    """Replicas behind one name. With one of them, choosing costs next to nothing.

    Bad replicas are passed over, but never more than half of them for failed requests. When all
    look bad, all are used: something else must be wrong then, and some answers beat none.
    """

    def __init__(
        self, service: str, limits: PoolLimits, judging: Judging, now: Callable[[], float]
    ) -> None:
        self.service = service
        self.replicas: list[Replica] = []
        self.fit: list[Replica] = []
        self.panic = False  # nobody is fit, so all are used
        self.ejections = 0
        self._only: Replica | None = None
        self._balancer = Balancer()
        self._limits = limits
        self._judging = judging
        self._now = now
        self._look_at = 0.0

    def pick(self, flight: Flight | None = None, avoid: Collection[Replica] = NONE) -> Replica:
        """The replica for a request, none of `avoid` if there is another. Raises Refused if none.

        Say with `Replica.done` how it went.
        """
        only = self._only
        if only is not None and not avoid:
            return only
        fit = self.fit
        if avoid:
            fit = self._besides(avoid)
        if not fit:
            raise upstream_broken(self.service)
        return self._balancer.choose(fit, self._now())

    def configure(self, addresses: Iterable[Address]) -> None:
        """Have replicas at these addresses, beside those that came by themselves."""
        wanted = dict.fromkeys(addresses)
        for replica in [*self.replicas]:
            if replica.configured and replica.address not in wanted:
                replica.configured = False
                if not replica.joined:
                    self.remove(replica)  # if it is there, it will say so itself
        all_new = not self.replicas  # then nobody could take the load meanwhile
        for address in wanted:
            replica = self.at(address) or self.add(address)
            replica.configured = True
            if all_new:
                replica.warm_at = 0.0
            if not replica.proven:
                replica.up = replica.proven = True
        self.sort_out()

    def at(self, address: Address) -> Replica | None:
        """The replica at an address."""
        return next((each for each in self.replicas if each.address == address), None)

    def add(self, address: Address, *, proven: bool = True) -> Replica:
        """Have one more replica; if others are fit it begins slowly. Not proven: after a check."""
        replica = Replica(self.service, address, self._limits, self._judging, self._failed)
        replica.up = replica.proven = proven
        replica.joined = not proven
        if self.fit:
            replica.warm_up(self._now())
        self.replicas.append(replica)
        self.sort_out()
        return replica

    def remove(self, replica: Replica) -> None:
        """Forget a replica; what it is answering it answers to the end."""
        self.replicas.remove(replica)
        replica.pool.retire()
        self.sort_out()

    def sort_out(self) -> None:
        """Find out anew who is fit; to be called after every change to a replica."""
        fit = [each for each in self.replicas if each.fit]
        self.panic = not fit and len(self.replicas) > 1
        self.fit = fit or [each for each in self.replicas if each.hopeful] or self.replicas
        self._only = self.fit[0] if len(self.fit) == 1 else None

    def checked(self, replica: Replica, passed: bool) -> None:
        """A health check is over. One that passes brings back who was passed over."""
        changed, now = replica.checked(passed), self._now()
        if passed and (changed or replica.gone or 0.0 < replica.trusted_at <= now):
            replica.gone = False
            replica.readmit(now)
            changed = True
        if changed:
            log.info("replica checked", service=self.service, at=replica.address.url, up=passed)
            self.sort_out()

    def look(self) -> None:
        """Let back in whose time is up, and pass over who answers worse than the others."""
        now = self._now()
        if len(self.replicas) > 1:
            for replica in self.replicas:
                if 0.0 < replica.ejected_until <= now:
                    replica.readmit(now)
                    self.sort_out()
            if now >= self._look_at:
                self._look_at = now + LOOK_EVERY
                self._compare(now)

    def expire(self) -> None:
        """Close connections that have been idle for too long."""
        now = self._now()
        for replica in self.replicas:
            replica.pool.expire(now)

    @property
    def opened(self) -> int:
        """Connections to all replicas."""
        return sum(each.pool.opened for each in self.replicas)

    @property
    def idle(self) -> int:
        """Those of them that serve nobody right now."""
        return sum(len(each.pool.idle) for each in self.replicas)

    @property
    def waiting(self) -> int:
        """Requests that wait for a connection."""
        return sum(len(each.pool.waiters) for each in self.replicas)

    def _besides(self, avoid: Collection[Replica]) -> list[Replica]:
        others = [each for each in self.replicas if each not in avoid]
        hopeful = [each for each in others if each.hopeful]
        return [each for each in others if each.fit] or hopeful or self.fit

    def _compare(self, now: float) -> None:
        worst = max(self.replicas, key=lambda each: each.unlike_others)
        share = worst.unlike_others
        good = sum(each.good for each in self.replicas if each is not worst)
        bad = sum(each.bad for each in self.replicas if each is not worst)
        if share >= self._judging.share and bad * 2 < share * (good + bad):
            self._failed(worst)
        for replica in self.replicas:
            replica.good = replica.bad = 0
            replica.forgive(now)

    def _failed(self, replica: Replica) -> None:
        """Pass over a replica that failed too often, unless too many are passed over already."""
        if not replica.fit or replica not in self.replicas:
            return
        out = sum(1 for each in self.replicas if each.ejected_until)
        if (out + 1) * 2 > len(self.replicas):
            return
        seconds = replica.eject(self._now())
        self.ejections += 1
        log.warning(
            "replica passed over",
            service=self.service,
            at=replica.address.url,
            seconds=round(seconds, 1),
        )
        self.sort_out()


def cluster_at(service: str, urls: Iterable[str], limits: PoolLimits | None = None) -> Cluster:
    """A cluster by itself, with fixed replicas, for commands and tests."""
    cluster = Cluster(service, limits or PoolLimits(), Judging(), time.monotonic)
    cluster.configure(map(address_of, urls))
    return cluster


def samples(clusters: Iterable[Cluster]) -> Iterator[tuple[str, str, str, dict[str, str], float]]:
    """Figures for Prometheus."""
    for cluster in clusters:
        for replica in cluster.replicas:
            labels = {"service": cluster.service, "replica": replica.address.url}
            fit = "gauge", "Whether the replica gets requests."
            yield "replica_fit", *fit, labels, float(replica.fit)
            busy = "gauge", "Requests at the replica or on the way to it."
            yield "replica_busy", *busy, labels, replica.pool.busy
        labels = {"service": cluster.service}
        panic = "gauge", "Whether no replica is fit, so that all are used."
        yield "cluster_panic", *panic, labels, float(cluster.panic)
        ejections = "counter", "Replicas passed over because requests failed."
        yield "replica_ejections_total", *ejections, labels, cluster.ejections
