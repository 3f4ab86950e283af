"""What the overview is made from: every part of the gateway, seen through the smallest hole.

A part that is not there, or that cannot be read just now, is None or empty, and said to be so;
it never takes the rest of the picture away.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol, TypeVar

from gateway.operating.shapes import (
    CacheSeen,
    IdentitySeen,
    LimitsSeen,
    RouteSeen,
    RoutesFile,
    ServiceSeen,
)
from gateway.proxy.records.history import History
from gateway.proxy.records.metrics import Metrics
from gateway.proxy.records.process import LoopLag
from shared.logging import get

T = TypeVar("T")
U = TypeVar("U")

log = get("gateway.operating")


class Refusing(Exception):
    """What an operator asked for cannot be done; the text says why."""


class Steering(Protocol):
    """What operators may do."""

    def drain(self, replica: str) -> None:
        """Send this replica no more requests; raises Refusing."""

    def enable(self, replica: str) -> None:
        """Send it requests again; raises Refusing."""

    def purge(self, group: str | None) -> int:
        """Forget cached answers, all or those of one group; says how many. Raises Refusing."""


@dataclass
class Parts:
    """The holes. The defaults are those of a gateway without that part."""

    metrics: Metrics
    history: History
    lag: LoopLag
    in_flight: Callable[[], int]
    services: Callable[[], Iterable[ServiceSeen]] = tuple
    routes: Callable[[], Iterable[RouteSeen]] = tuple
    connections: Callable[[], int | None] = lambda: None
    hears: Callable[[], bool | None] = lambda: None
    routes_file: Callable[[], RoutesFile | None] = lambda: None
    cache: Callable[[], CacheSeen | None] = lambda: None
    limits: Callable[[], LimitsSeen | None] = lambda: None
    identity: Callable[[], IdentitySeen | None] = lambda: None
    lines_dropped: Callable[[], int] = lambda: 0
    steering: Steering | None = None
    version: str = field(default_factory=lambda: _version())
    started: float = field(default_factory=time.time)

    def most_files(self) -> int:
        """How many files this process may open."""
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def read(what: str, part: Callable[[], T], otherwise: U) -> T | U:
    """What a part says; `otherwise` if it fails, which is logged."""
    try:
        return part()
    except Exception:  # noqa: BLE001 - one part in trouble must not blind us for the others
        log.exception("a part of the overview cannot be read", part=what)
        return otherwise


def _version() -> str:
    try:
        return version("quintet-gateway")
    except PackageNotFoundError:
        return "unreleased"
