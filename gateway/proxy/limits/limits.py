"""The limits of every route, ready to be checked: the step of a request after identification.

The hot path. What a route's policies need is worked out when the routes are loaded; a request
costs one look into a dictionary for each policy.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Protocol

from gateway.proxy.limits import keys
from gateway.proxy.limits.elsewhere import Sample, Store
from gateway.proxy.limits.lines import (
    Line,
    Look,
    alone,
    demand,
    learn,
    line_of,
    refusal,
    settle,
    tell,
)
from gateway.proxy.limits.meter import Meter
from gateway.proxy.limits.policy import LimitPolicy


class Route(Protocol):
    """What is needed of a route: its name, and the names of its policies."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def limits(self) -> tuple[str, ...]: ...  # noqa: D102


class Asked(keys.Asked, Protocol):
    """What is needed of a request to judge it."""

    @property
    def route(self) -> Route: ...  # noqa: D102


Plan = tuple[tuple[Line, ...], Callable[[keys.Asked], bool] | None]


class Limits:
    """Judges requests by the policies of their routes, in memory or by the store, if there is one.

    While the store does not answer, memory judges: a limit is then one for each process. Memory
    also holds what the store has last said, so that nobody starts afresh when it goes away, and
    whoever is over their limit is refused without asking it.
    """

    def __init__(
        self,
        *,
        most_keys: int = 50_000,
        store: Store | None = None,
        now: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._most_keys = most_keys
        self._store = store
        self._now = now
        self._plans: dict[int, Plan] = {}  # by identity: to hash a route costs more than to check
        self._routes: tuple[Route, ...] = ()
        self._meters: dict[str, Meter] = {}
        self._here = 0

    def load(self, policies: Mapping[str, LimitPolicy], routes: Iterable[Route]) -> None:
        """Take over the policies of the routes file; what was counted so far still counts.

        Raises KeyError when a route names a policy that there is not; then nothing has changed.
        """
        meters: dict[str, Meter] = {}
        plans: dict[int, Plan] = {}
        held = tuple(routes)
        for route in held:
            if route.limits:
                lines = tuple(self._line(policies[name], route, meters) for name in route.limits)
                fast = len(lines) == 1 and self._store is None and not lines[0].guests
                plans[id(route)] = (lines, alone(lines[0], self._now) if fast else None)
        self._plans, self._meters, self._routes = plans, meters, held

    def check(self, asked: Asked) -> Awaitable[None] | None:
        """Count this request, or raise Refused(429); every answer to it gets the RateLimit fields.

        Returns None when that is done, and what to await for it when the store must be asked.
        """
        plan = self._plans.get(id(asked.route))
        if plan is None:
            return None
        lines, alone = plan
        if alone is not None and alone(asked):
            return None
        now = self._now()
        looks = self._look(asked, lines, now)
        store = self._store
        if store is None:
            settle(asked, looks, now)
        elif store.usable:
            return self._ask(store, asked, looks, now)
        else:
            self._here += 1
            settle(asked, looks, now)
        return None

    def sweep(self) -> None:
        """Forget whom there is no need to remember; a few at a time, for every tick."""
        now = self._now()
        for meter in self._meters.values():
            meter.sweep(now)

    @property
    def shared(self) -> bool:
        """Whether several gateways are meant to count together."""
        return self._store is not None

    @property
    def degraded(self) -> bool:
        """Whether they are, but each counts for itself now."""
        return self._store is not None and not self._store.usable

    @property
    def refused(self) -> int:
        """How many requests were refused since we started."""
        return sum(meter.refused for meter in self._meters.values())

    def policies(self) -> list[str]:
        """The names of the policies in use; with the route where each has a count of its own."""
        return list(self._meters)

    def over(self, most: int = 20) -> list[tuple[str, str, float]]:
        """Who is over a limit now: by what they are counted, the policy, and for how long."""
        now = self._now()
        found = [
            (key or "everybody", scope, seconds)
            for scope, meter in self._meters.items()
            for key, seconds in meter.over(now)
        ]
        return sorted(found, key=lambda each: -each[2])[:most]

    async def start(self) -> None:
        """Begin to use the store, if there is one."""
        if self._store is not None:
            await self._store.start()

    async def stop(self) -> None:
        """Let go of it."""
        if self._store is not None:
            await self._store.stop()

    def samples(self) -> Iterator[Sample]:
        """Figures: name, kind, help, labels, value."""
        for scope, meter in self._meters.items():
            policy, _, route = scope.partition("/")
            marks = {"policy": policy, "route": route}
            yield "limit_refused_total", "counter", "Refused by a limit.", marks, meter.refused
            yield "limit_keys", "gauge", "Keys that a limit remembers.", marks, len(meter)
            yield "limit_evicted_total", "counter", "Keys forgotten early.", marks, meter.evicted
        if self._store is not None:
            text = "Requests counted in memory because the store was away."
            yield "limit_counted_in_memory_total", "counter", text, {}, self._here
            yield from self._store.samples()

    @staticmethod
    def _look(asked: Asked, lines: tuple[Line, ...], now: int) -> list[Look]:
        """The room that this request would leave; raises Refused if there is none."""
        looks, least = [], 0
        for each in lines:
            line = each.of(asked)
            key = line.key_of(asked)
            left = line.meter.left(key, now)
            looks.append((line, key, left))
            least = min(least, left)
        if least < 0:
            raise refusal(asked, looks)
        return looks

    async def _ask(self, store: Store, asked: Asked, looks: list[Look], now: int) -> None:
        said = await store.ask([demand(look) for look in looks])
        if said is None:
            self._here += 1
            now = self._now()
            settle(asked, self._look(asked, tuple(line for line, _, _ in looks), now), now)
            return
        learned = learn(looks, said.debts, passed=said.passed, asked_at=now)
        if not said.passed:
            raise refusal(asked, learned)
        tell(asked, learned)

    def _line(self, policy: LimitPolicy, route: Route, meters: dict[str, Meter]) -> Line:
        def meter_of(scope: str, policy: LimitPolicy) -> Meter:
            if scope not in meters:
                meter = meters[scope] = Meter(policy, self._most_keys)
                if scope in self._meters:
                    meter.take_over(self._meters[scope])
            return meters[scope]

        scope = f"{policy.name}/{route.name}" if policy.by_route else policy.name
        return line_of(policy, scope, meter_of)
