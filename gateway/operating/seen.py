"""Sees the parts of the gateway for operators: translates what each tells into the overview.

The only place that knows their insides; when one of them changes, this changes, and the page, its
twin and the figures do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.hearing import Hearing
from gateway.operating.assembly import Operations
from gateway.operating.desk import Desk, is_last
from gateway.operating.parts import Parts
from gateway.operating.shapes import (
    AWAY,
    BAD,
    BUSY,
    CALM,
    CacheSeen,
    IdentitySeen,
    Limited,
    LimitsSeen,
    PoolSeen,
    ReplicaSeen,
    RouteSeen,
    RoutesFile,
    ServiceSeen,
)
from gateway.proxy.caching.cache import SharedCache
from gateway.proxy.identity.identity import Identity
from gateway.proxy.limits.limits import Limits
from gateway.proxy.reach import Reach
from gateway.proxy.records.rendering import Sample
from gateway.proxy.resilience.admission import Admission, Gates
from gateway.proxy.routing.keeper import Keeper
from gateway.proxy.upstream.cluster import Cluster
from gateway.proxy.upstream.replica import Replica


@dataclass
class Everything:
    """The parts, as far as this gateway has them."""

    reach: Reach
    gates: Gates
    identity: Identity
    limits: Limits
    hearing: Hearing
    hear_events: bool  # whether we listen at all
    cache: SharedCache | None = None


def show(operations: Operations, it: Everything) -> None:
    """Let operators see all of it from now on."""
    parts, metrics, clock = operations.parts, operations.parts.metrics, operations.clock
    clusters = it.reach.clusters
    parts.services = lambda: tuple(
        _service(each, it.gates.get(each.service), clock.now) for each in clusters.values()
    )
    metrics.join("gates", it.gates)
    parts.steering = Desk(clusters, it.cache, lambda: clock.now)
    parts.routes = lambda: tuple(_routes(it.reach.keeper))
    parts.routes_file = lambda: _file(it.reach.keeper)
    if it.hear_events:
        parts.hears = it.hearing.hears
    parts.limits = lambda: _limits(it.limits)
    metrics.join("limits", it.limits)
    parts.identity = lambda: _identity(it.identity)
    metrics.join("identity", it.identity)
    if it.cache is not None:
        _show_cache(parts, it.cache)
    metrics.join("hearing", it.hearing)
    metrics.join("pools", PoolFigures(it.reach.clusters))
    metrics.join("reach", it.reach)
    says = "Sessions whose tokens are at hand."
    metrics.gauge("sessions_cached", says, lambda: len(it.identity.tokens))


def _identity(identity: Identity) -> IdentitySeen:
    return IdentitySeen(
        sessions=len(identity.tokens),
        tokens=len(identity.bearer),
        keys_age=identity.keys.age(),
        revoked=len(identity.denied),
    )


class PoolFigures:
    """Connections to services, by what they do."""

    def __init__(self, clusters: Mapping[str, Cluster]) -> None:
        self._clusters = clusters

    def samples(self) -> Iterator[Sample]:
        """Idle and busy ones, and requests that wait for one."""
        says = "Connections to services."
        for service, at in self._clusters.items():
            states = {"idle": at.idle, "busy": at.opened - at.idle, "awaited": at.waiting}
            for state, number in states.items():
                labels = {"service": service, "state": state}
                yield "pool_connections", "gauge", says, labels, number


def _limits(limits: Limits) -> LimitsSeen:
    return LimitsSeen(
        store="Redis" if limits.shared else "memory",
        degraded=limits.degraded,
        policies=tuple(limits.policies()),
        refused=limits.refused,
        now=tuple(Limited(who=who, policy=name, seconds=wait) for who, name, wait in limits.over()),
    )


def _routes(keeper: Keeper) -> Iterator[RouteSeen]:
    for each in keeper.table.routes:
        yield RouteSeen(
            name=each.name or each.prefix,
            prefix=each.prefix,
            service=each.service,
            exact=each.exact,
            words=tuple(each.words()),
        )


def _file(keeper: Keeper) -> RoutesFile:
    told = "; ".join(f"line {line}: {reason}" for line, reason in keeper.problems)
    return RoutesFile(
        path=str(keeper.path),
        loaded_at=keeper.taken_at,
        reloads=keeper.taken - 1,
        refusal=told or None,
        refused_at=keeper.refused_at if told else None,
    )


def _service(cluster: Cluster, gate: Admission | None, now: float) -> ServiceSeen:
    """A service with its replicas. `gate` is None while nobody has asked for it yet."""
    replicas = tuple(_replica(each, now, is_last(cluster, each)) for each in cluster.replicas)
    fit = sum(each.fit for each in cluster.replicas)
    words = "all is well" if fit == len(replicas) else f"{fit} of {len(replicas)} replicas"
    if cluster.waiting:
        words = f"{cluster.waiting} wait for a connection"
    elif cluster.panic:
        words = "no replica is fit: all are used"
    breaker = gate.breaker.state.value if gate is not None else None
    if breaker not in (None, "closed"):
        words = f"breaker {breaker}"
    return ServiceSeen(
        name=cluster.service,
        state=BAD if breaker == "open" else _state(cluster, fit),
        words=words,
        breaker=breaker,
        limit=gate.limit.limit if gate is not None else None,
        pool=PoolSeen(
            idle=cluster.idle, busy=cluster.opened - cluster.idle, waiting=cluster.waiting
        ),
        replicas=replicas,
    )


def _show_cache(parts: Parts, cache: SharedCache) -> None:
    parts.metrics.join("cache", cache)
    parts.cache = lambda: CacheSeen(
        entries=len(cache.memory.store),
        bytes=cache.memory.store.used,
        most_bytes=cache.memory.store.bounds.total,
        hits=float(cache.counts.hits),
        misses=float(cache.counts.asked + cache.counts.passed),
        purged=float(cache.memory.purged),
    )


def _state(cluster: Cluster, fit: int) -> str:
    if not cluster.replicas:
        return AWAY
    if not fit:
        return BAD
    return BUSY if cluster.waiting or fit < len(cluster.replicas) else CALM


_COLOURS = {"fit": CALM, "draining": BUSY, "unchecked": BUSY, "ejected": BAD, "down": BAD}
_WORDS = {"fit": "ready", "down": "does not answer", "unchecked": "not checked yet"}


def _replica(replica: Replica, now: float, last: bool) -> ReplicaSeen:
    state, warmth = replica.state, replica.warmth(now)
    words = _WORDS.get(state, state)
    if state == "ejected":
        words = f"passed over for {max(0.0, replica.ejected_until - now):.0f} s"
    elif replica.steered:
        words = "drained by an operator"
    elif state == "fit" and warmth < 1:
        words = f"warming up, {warmth:.0%}"
    return ReplicaSeen(
        name=replica.name,
        address=replica.address.url,
        state=_COLOURS.get(state, AWAY),
        words=words,
        weight=round(warmth, 2),
        in_flight=replica.pool.busy,
        draining=replica.draining,
        steered=replica.steered,
        last=last,
    )
