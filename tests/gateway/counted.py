"""What the tests of limits need: requests that can be counted, and a clock that can be set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.proxy.limits.elsewhere import Store
from gateway.proxy.limits.limits import Limits
from gateway.proxy.limits.policy import LimitPolicy
from gateway.refusals import Refused

SECOND = 1_000_000_000


@dataclass(frozen=True)
class Head:
    """Where a request comes from."""

    client: str = "192.0.2.1"


@dataclass(frozen=True)
class Caller:
    """Who asks."""

    subject: str = ""
    client_id: str = ""


@dataclass
class Route:
    """A route and its policies."""

    name: str = "cart"
    limits: tuple[str, ...] = ()


CART = Route()


@dataclass
class Asked:
    """A request, as far as limits look at it."""

    client: str = "192.0.2.1"
    subject: str = ""
    client_id: str = ""
    route: Route = field(default_factory=lambda: CART)
    extra: list[tuple[bytes, bytes]] = field(default_factory=list)

    @property
    def head(self) -> Head:
        return Head(self.client)

    @property
    def caller(self) -> Caller:
        return Caller(self.subject, self.client_id)

    @property
    def fields(self) -> dict[str, str]:
        """The fields that the answer will have."""
        return {name.decode(): value.decode() for name, value in self.extra}


class Watch:
    """A monotonic clock that stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 5_000 * SECOND

    def __call__(self) -> int:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)


def limits_of(
    *policies: LimitPolicy,
    watch: Watch | None = None,
    routes: Sequence[Route] = (),
    store: Store | None = None,
    most_keys: int = 50_000,
) -> Limits:
    """Limits with these policies, all of them on the route `cart` unless routes are given."""
    limits = Limits(now=watch or Watch(), store=store, most_keys=most_keys)
    named: Mapping[str, LimitPolicy] = {each.name: each for each in policies}
    CART.limits = tuple(named)
    limits.load(named, routes or (CART,))
    return limits


def passes(limits: Limits, asked: Asked) -> bool:
    """Whether a request is let through, in memory."""
    try:
        waiting = limits.check(asked)
    except Refused:
        return False
    assert waiting is None
    return True


def how_many_pass(
    limits: Limits, tries: int, *, client: str = "192.0.2.1", subject: str = "", client_id: str = ""
) -> int:
    """How many of so many like requests are let through."""
    return sum(passes(limits, Asked(client, subject, client_id)) for _ in range(tries))
