"""What operators are told of the gateway: the same for the page, its JSON twin and scripts.

Times are seconds, sizes bytes, shares from 0 to 1. None means: not available here, or no data.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

CALM, BUSY, BAD, AWAY = "calm", "busy", "bad", "away"


class Told(BaseModel):
    """A part of the overview; it never changes after it was made."""

    model_config = ConfigDict(frozen=True)


class Traffic(Told):
    """What passed in the last minutes."""

    requests: int = 0
    per_second: float = 0.0
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    failing: float = 0.0  # share of 5xx and broken answers


class ReplicaSeen(Told):
    """One process of a service."""

    name: str
    address: str
    state: str  # calm, busy, bad, away: the colour
    words: str  # what the colour means here: ready, ejected for 12 s, draining, …
    weight: float = 1.0
    in_flight: int = 0
    draining: bool = False
    steered: bool = False  # an operator took it out
    last: bool = False  # no other could take over its requests: it cannot be taken out
    traffic: Traffic = Traffic()


class PoolSeen(Told):
    """The connections to a service."""

    idle: int = 0
    busy: int = 0
    waiting: int = 0
    most: int | None = None


class ServiceSeen(Told):
    """A service with its replicas."""

    name: str
    state: str
    words: str
    breaker: str | None = None  # closed, open, half-open
    limit: int | None = None  # most requests at once, where that adapts
    pool: PoolSeen = PoolSeen()
    replicas: tuple[ReplicaSeen, ...] = ()
    traffic: Traffic = Traffic()


class RouteSeen(Told):
    """One line of the routes file, and what came in by it."""

    name: str
    prefix: str
    service: str
    exact: bool = False
    traffic: Traffic = Traffic()
    words: tuple[str, ...] = ()  # what the file says beside: limits, cache, hosts, …


class RoutesFile(Told):
    """Where the routes in force come from."""

    path: str | None = None  # None: those that are built in
    loaded_at: datetime | None = None
    reloads: int = 0
    refusal: str | None = None  # why the file as it is now was refused
    refused_at: datetime | None = None


class CacheSeen(Told):
    """The shared cache."""

    entries: int = 0
    bytes: int = 0
    most_bytes: int | None = None
    hit_ratio: float | None = None  # over the last minutes
    hits: float = 0.0
    misses: float = 0.0
    purged: float = 0.0


class Limited(Told):
    """Somebody who is over a limit now."""

    who: str
    policy: str
    seconds: float | None = None  # until it lets them in again


class LimitsSeen(Told):
    """Limits of requests."""

    store: str = "memory"
    degraded: bool = False  # the common store is away: each gateway counts for itself
    policies: tuple[str, ...] = ()
    refused: float = 0.0  # over the last minutes
    now: tuple[Limited, ...] = ()


class IdentitySeen(Told):
    """Who is known here."""

    sessions: int = 0
    tokens: int | None = None
    keys_age: float | None = None
    revoked: int | None = None


class ProcessSeen(Told):
    """The process itself."""

    version: str
    python: str
    pid: int
    uptime: float
    memory: int | None = None
    files: int | None = None
    most_files: int | None = None
    cpu: float | None = None  # share of one core
    loop_lag: float = 0.0
    lines_dropped: int = 0


class Advice(Told):
    """Something that needs somebody, and what to do."""

    what: str
    do: str


class Overview(Told):
    """All of it."""

    at: datetime
    over_seconds: float
    traffic: Traffic
    in_flight: int
    connections: int | None = None
    hears_events: bool | None = None
    services: tuple[ServiceSeen, ...] = ()
    routes: tuple[RouteSeen, ...] = ()
    routes_file: RoutesFile | None = None
    cache: CacheSeen | None = None
    limits: LimitsSeen | None = None
    identity: IdentitySeen | None = None
    process: ProcessSeen
    attention: tuple[Advice, ...] = ()
