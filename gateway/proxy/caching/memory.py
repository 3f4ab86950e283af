"""What is kept and what is forgotten: the store together with the numbers of purges."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from gateway.proxy.caching.freshness import Times, initial_age
from gateway.proxy.caching.groups import Purges, group_names, too_many
from gateway.proxy.caching.keys import key_of, origin_of, selected, vary_names
from gateway.proxy.caching.storable import (
    INVALIDATES,
    SAY_SOMETHING,
    Policy,
    joined,
    policy_of,
    storable,
)
from gateway.proxy.caching.store import Bounds, Store
from gateway.proxy.caching.stored import Answer, Stored
from gateway.proxy.caching.targets import targets_of
from gateway.proxy.flight import Flight
from gateway.proxy.upstream.connection import Fields


class Memory:
    """Stored answers. `hears`: whether the bus tells us what changed; `now`: seconds since 1970."""

    def __init__(self, bounds: Bounds, hears: Callable[[], bool]) -> None:
        self.store = Store(bounds)
        self.purges = Purges()
        self.purged = 0
        self.now: Callable[[], float] = time.time
        self._hears = hears
        self._heard = False

    def judge(self, flight: Flight, status: int, fields: Fields) -> Policy | None:
        """Under which rules to keep the answer with this head; None if it must not be kept."""
        if not any(name in SAY_SOMETHING for name, _ in fields):
            return None  # most answers that are not for caches say nothing at all about it
        by_name = joined(fields)
        times = Times.of(by_name)
        policy = policy_of(status, by_name, times, self.now(), hears=self._hears())
        authorized = flight.caller.authorization is not None
        if not storable(status, by_name, policy, authorized=authorized):
            return None
        return policy if vary_names(by_name.get(b"vary", b"")) is not None else None

    def made(self, flight: Flight, answer: Answer, policy: Policy) -> Stored:
        """An answer in the form in which it is kept and sent; not yet kept."""
        times = Times.of(joined(answer.fields))
        age = initial_age(times, answer.asked_at, answer.received_at)
        stored = Stored(key_of(flight), answer, policy, times, age)
        stored.values = selected(stored.names, flight)
        return stored

    def keep(self, stored: Stored, number: int) -> bool:
        """Keep it, unless something it belongs to was purged since `number`."""
        names = (stored.key, *(b"\0" + group for group in stored.groups))
        if too_many(stored.groups) or not self.purges.none_since(number, names):
            return False
        if stored.policy.by_bus and not self._hears():
            return False
        return self.store.put(stored)

    def forget_groups(self, groups: Iterable[bytes], origin: bytes | None = None) -> int:
        """Forget all answers of these groups, of one origin or of all."""
        groups = tuple(groups)
        self.purges.note(b"\0" + group for group in groups)
        return self._count(sum(self.store.drop_group(group, origin) for group in groups))

    def forget_keys(self, keys: Iterable[bytes]) -> int:
        """Forget all answers for these targets."""
        keys = tuple(keys)
        self.purges.note(keys)
        return self._count(sum(self.store.drop_key(key) for key in keys))

    def forget_where(self, true: Callable[[Stored], bool]) -> int:
        """Forget what this is true of; what is asked for just now is not kept either."""
        self.purges.note_all()
        return self._count(self.store.drop_where(true))

    def changed(self, flight: Flight, status: int, fields: Fields) -> None:
        """A change was made: forget what it has made untrue. RFC 9111, 4.4; RFC 9875, 3."""
        if not 200 <= status < 400:
            return
        by_name = joined(fields)
        self.forget_keys(targets_of(flight, by_name))
        groups = group_names(by_name.get(INVALIDATES))
        if groups:
            self.forget_groups(groups, origin_of(flight.head.scheme, flight.head.host))

    def listen(self) -> None:
        """Look whether we still hear the bus; what counts only while we do is forgotten if not."""
        hears = self._hears()
        if self._heard and not hears:
            self.forget_where(lambda stored: stored.policy.by_bus)
        self._heard = hears

    def _count(self, forgotten: int) -> int:
        self.purged += forgotten
        return forgotten
