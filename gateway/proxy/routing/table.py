"""The table of routes: finds the one route of a request, from memory in the usual case.

Precedence, the first difference decides:

1. host: named exactly, then `*.suffix` (the longer first), then any
2. address: exact, then the longer prefix
3. the more header fields a route asks for
4. a route that names methods before one that takes all
5. the order in the file

A route that covers the address but whose method or header condition fails is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol
from urllib.parse import unquote_to_bytes

from gateway.proxy.edge.guard import check_path
from gateway.proxy.routing.route import Route, is_host
from gateway.refusals import no_such_address

# Remembered are at most two generations. A flood of invented addresses only makes the younger one
# old sooner; what is asked for all the time comes back from the older one at the price of a look.
GENERATION = 4096
LONGEST_REMEMBERED = 512  # bytes of a path

Choice = tuple[Route, ...]  # best first; only the last one is without conditions
Key = bytes | tuple[bytes, bytes]


class Asked(Protocol):
    """What of a request's head the choice of a route depends on."""

    method: str
    path: bytes
    host: bytes
    fields: list[tuple[bytes, bytes]]


class Table:
    """Routes in force together. Never changes: a new file makes a new table."""

    def __init__(self, routes: Sequence[Route], *, generation: int = GENERATION) -> None:
        self.routes = tuple(routes)
        self._by_host = any(route.hosts for route in routes)
        self._exact: dict[str, list[Route]] = {}
        self._below: dict[str, list[Route]] = {}
        for route in _best_first(routes):
            (self._exact if route.exact else self._below).setdefault(route.prefix, []).append(route)
        self._deepest = max((route.prefix.count("/") for route in routes), default=1)
        self._order = {id(route): at for at, route in enumerate(_best_first(routes))}
        self._generation = generation
        self._young: dict[Key, Choice] = {}
        self._old: dict[Key, Choice] = {}

    def find(self, head: Asked) -> Route:
        """The route of a request; refuses addresses that are malformed, hidden or nobody's.

        The decision is made on the decoded path, because that is what the service will look at:
        `/%69nternal` is `/internal`.
        """
        key = (head.host, head.path) if self._by_host else head.path
        choice = self._young.get(key)
        if choice is None:
            choice = self._look_up(key, head)
        route = choice[0]
        if route.plain:
            return route
        for route in choice:
            if route.takes(head.method, head.fields):
                return route
        raise no_such_address()

    def _look_up(self, key: Key, head: Asked) -> Choice:
        choice = self._old.get(key) or self._choose(head)
        if len(head.path) <= LONGEST_REMEMBERED:
            if len(self._young) >= self._generation:
                self._old, self._young = self._young, {}
            self._young[key] = choice
        return choice

    def _choose(self, head: Asked) -> Choice:
        """Every route that may be meant, best first, as far as the first without conditions."""
        check_path(head.path)
        path = unquote_to_bytes(head.path).decode("utf-8", "replace")
        if path == "/internal" or path.startswith("/internal/"):
            raise no_such_address()
        host = host_name(head.host) if self._by_host else ""
        found = [route for route in self._covering(path) if route.admits(host)]
        if self._by_host:
            found.sort(key=lambda route: (_host_rank(route, host), self._order[id(route)]))
        choice = []
        for route in found:
            choice.append(route)
            if route.plain:
                return tuple(choice)
        if not choice:
            raise no_such_address()
        return tuple(choice)

    def _covering(self, path: str) -> Iterable[Route]:
        """The routes of this address and of each one above it; the longest comes first."""
        yield from self._exact.get(path, ())
        yield from self._below.get(path, ())
        parts = path.split("/")
        for depth in range(min(len(parts) - 1, self._deepest + 1), 1, -1):
            yield from self._below.get("/".join(parts[:depth]), ())
        if path != "/":
            yield from self._below.get("/", ())


def host_name(value: bytes) -> str:
    """The host in a Host field: lower case, without the port and a last dot."""
    name = value.decode("latin-1").lower()
    if not name.startswith("["):
        return name.partition(":")[0].rstrip(".")
    return name.partition("]")[0] + "]"


def _best_first(routes: Iterable[Route]) -> list[Route]:
    """By all that does not depend on the host; sorting keeps the order in the file."""
    return sorted(
        routes,
        key=lambda route: (
            not route.exact,
            -len(route.prefix),
            -len(route.headers),
            not route.methods,
        ),
    )


def _host_rank(route: Route, host: str) -> tuple[int, int]:
    """How closely the route names this host: smaller is closer."""
    if not route.hosts:
        return 2, 0
    if host in route.hosts:
        return 0, 0
    return 1, -max(len(each) for each in route.hosts if is_host(host, each))
