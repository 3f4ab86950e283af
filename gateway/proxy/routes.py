"""Which service answers which address: the longest prefix wins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from gateway.proxy.edge.guard import check_path
from gateway.refusals import no_such_address

AUTH, CATALOG, SHOP, GATEWAY = "auth", "catalog", "shop", "gateway"
SERVICES = (AUTH, CATALOG, SHOP)


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the table. `exact` means this address and not what lies below it."""

    prefix: str
    service: str
    exact: bool = False

    @property
    def for_programs(self) -> bool:
        """Whether errors here are problem+json whatever the client accepts."""
        return self.prefix.startswith(("/api", "/oauth2", "/.well-known")) or self.exact

    @property
    def same_for_all(self) -> bool:
        """Whether the answer never depends on who asks, so that nobody need find out."""
        return self.prefix.startswith(("/static", "/media", "/.well-known"))

    def covers(self, path: str) -> bool:
        """Whether `path` is this address, or lies below it."""
        if self.exact or path == self.prefix:
            return path == self.prefix
        return path.startswith(self.prefix if self.prefix == "/" else self.prefix + "/")


NOWHERE = Route("(none)", GATEWAY)

TABLE = (
    Route("/api/auth", AUTH),
    Route("/account", AUTH),
    Route("/oauth2", AUTH),
    Route("/.well-known", AUTH),
    Route("/admin/auth", AUTH),
    Route("/admin", AUTH, exact=True),
    Route("/admin/", AUTH, exact=True),
    Route("/static/auth", AUTH),
    Route("/api/shop", SHOP),
    Route("/cart", SHOP),
    Route("/checkout", SHOP),
    Route("/orders", SHOP),
    Route("/admin/shop", SHOP),
    Route("/static/shop", SHOP),
    Route("/api/catalog", CATALOG),
    Route("/admin/catalog", CATALOG),
    Route("/static/catalog", CATALOG),
    Route("/static/shared", CATALOG),
    Route("/media/catalog", CATALOG),
    Route("/docs", GATEWAY),
    Route("/openapi.json", GATEWAY, exact=True),
    Route("/asyncapi.json", GATEWAY, exact=True),
    Route("/healthz", GATEWAY, exact=True),
    Route("/readyz", GATEWAY, exact=True),
    Route("/metrics", GATEWAY, exact=True),
    Route("/", CATALOG),
)
_LONGEST_FIRST = sorted(TABLE, key=lambda route: len(route.prefix), reverse=True)


def route_for(raw_path: bytes) -> Route:
    """The route of a path as it stands in the request line; refuses bad and hidden ones.

    The decision is made on the decoded path, because that is what the service will look at:
    `/%69nternal` is `/internal`.
    """
    check_path(raw_path)
    path = unquote_to_bytes(raw_path).decode("utf-8", "replace")
    if path == "/internal" or path.startswith("/internal/"):
        raise no_such_address()
    return next(route for route in _LONGEST_FIRST if route.covers(path))


def cached_routes(size: int = 1024) -> Callable[[bytes], Route]:
    """`route_for` with a memory: shops serve the same addresses all day."""
    return lru_cache(maxsize=size)(route_for)
