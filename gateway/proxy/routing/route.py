"""One route, compiled: everything about an address that can be known before a request comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

AUTH, CATALOG, SHOP = "auth", "catalog", "shop"
SERVICES = (AUTH, CATALOG, SHOP)
GATEWAY = "gateway"  # the service of what we answer ourselves

Fields: TypeAlias = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Split:
    """A share of a route's callers, in percent, that another cluster serves."""

    service: str
    weight: float


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long things may take, in seconds: to reach a replica, its silence, the whole request."""

    connect: float = 2.0
    read: float = 30.0
    total: float = 300.0


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the table. `exact` means this address and not what lies below it.

    No conditions means any: host, method, header. `plain` says that neither method nor header
    matters, so that the address alone decides.
    """

    prefix: str
    service: str
    exact: bool = False
    name: str = ""
    hosts: tuple[str, ...] = ()
    methods: frozenset[str] = frozenset()
    headers: Fields = ()
    splits: tuple[Split, ...] = ()
    timeouts: Timeouts = Timeouts()
    body: int = 1024 * 1024  # longest body, in bytes
    files: int = 12 * 1024 * 1024  # the same where it is multipart/form-data
    limits: tuple[str, ...] = ()
    cors: str | None = None
    cache: bool = False
    admin: bool = False  # who is asking must be certain
    retries: bool = True
    for_programs: bool = False  # errors are problem+json whatever the client accepts
    same_for_all: bool = False  # the answer never depends on who asks, so nobody need find out
    plain: bool = True

    def covers(self, path: str) -> bool:
        """Whether `path` is this address, or lies below it."""
        if self.exact or path == self.prefix:
            return path == self.prefix
        return path.startswith(self.prefix if self.prefix == "/" else self.prefix + "/")

    def admits(self, host: str) -> bool:
        """Whether requests to this host (lower case, no port) may take this route."""
        return not self.hosts or any(is_host(host, each) for each in self.hosts)

    def takes(self, method: str, fields: list[tuple[bytes, bytes]]) -> bool:
        """Whether method and header fields meet the conditions; a field may come many times."""
        if self.methods and method not in self.methods:
            return False
        return all(wanted in fields for wanted in self.headers)

    def words(self) -> Iterator[str]:
        """What the file says of it beside address and service, for people."""
        yield from (f"host {each}" for each in self.hosts)
        yield from sorted(self.methods)
        yield from (f"{name.decode()}: {value.decode()}" for name, value in self.headers)
        yield from (f"{split.weight:g} % to {split.service}" for split in self.splits)
        yield from (f"limit {each}" for each in self.limits)
        if self.cors:
            yield f"shared by {self.cors}"
        if self.cache:
            yield "cached"
        if not self.retries:
            yield "never retried"


NOWHERE = Route("(none)", GATEWAY, name="(none)")


def is_host(host: str, pattern: str) -> bool:
    """Whether a host is the one that a route names, or lies under its `*.suffix`."""
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return host == pattern
