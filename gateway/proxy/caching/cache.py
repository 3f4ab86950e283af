"""The shared cache: answers from memory what services allow it to, after RFC 9111."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from gateway.proxy.caching import status, usable
from gateway.proxy.caching.asking import Asking
from gateway.proxy.caching.conditions import PLAIN, Asked, asked_by
from gateway.proxy.caching.counts import Counts, Sample
from gateway.proxy.caching.keys import key_of
from gateway.proxy.caching.memory import Memory
from gateway.proxy.caching.revalidation import head_agrees, updated
from gateway.proxy.caching.sending import hit, ready
from gateway.proxy.caching.stored import Ready, Stored
from gateway.proxy.caching.taps import PassingBy
from gateway.proxy.edge.guard import SAFE_METHODS
from gateway.proxy.flight import Flight
from gateway.proxy.upstream.connection import Fields


class SharedCache:
    """The step before a request is forwarded, on routes that say `cache`."""

    def __init__(self, memory: Memory, asking: Asking) -> None:
        self.memory = memory
        self.asking = asking
        self.counts = Counts()

    def at_hand(self, flight: Flight, waited_as: bytes = b"") -> Ready | None:
        """The answer to a GET or HEAD, if it is in memory and may be used as it is.

        `waited_as` says why it was not, before the request waited for the answer to another.
        """
        stored = self.find(flight)
        if stored is None or flight.client.full:
            return None
        head = flight.head
        asked = asked_by(head.fields)
        plain = asked is PLAIN and head.method == "GET" and not waited_as
        if plain and flight.body is None and head.upgrade is None:
            found = hit(stored, self.memory.now())
            if found is not None:
                self.counts.hits += 1
                flight.cache = status.HIT
                return found
        if for_service(flight, asked):
            return None
        return self._fitting(flight, asked, stored, waited_as)

    def _fitting(
        self, flight: Flight, asked: Asked, stored: Stored, waited_as: bytes
    ) -> Ready | None:
        """The stored answer, if it is usable, as it was asked for."""
        if not self._usable(flight, asked, stored):
            return None
        self.counts.hits += 1
        flight.cache = status.HIT
        if waited_as:
            more = status.line(status.forwarded(waited_as, collapsed=True))
        else:
            more = status.hit(stored, self.memory.now())
        return ready(asked, stored, more, head_only=flight.head.method == "HEAD")

    def find(self, flight: Flight) -> Stored | None:
        """The stored answer that this request may get to see, be it fresh or stale."""
        caller = flight.caller
        if caller.permissions or caller.superuser:
            return None  # staff see more than others, and at once what they have changed
        stored = self.memory.store.find(key_of(flight), flight)
        if stored is None or caller.authorization is None or usable.for_credentials(stored):
            return stored
        return None

    async def answer(self, flight: Flight) -> None:
        """Answer by asking the service, and keep the answer if that is allowed. Raises Refused."""
        asked = asked_by(flight.head.fields)
        if flight.head.method == "HEAD":
            await self._pass(flight, PassingBy(flight, status.METHOD, self._head_seen))
        elif for_service(flight, asked):
            await self._pass(flight, PassingBy(flight, status.BYPASS))
        else:
            await self.asking.get(self, flight, asked)

    def watch(self, flight: Flight) -> None:
        """Hear of a change that is about to be passed on: RFC 9111, section 4.4."""
        if flight.head.method not in SAFE_METHODS:
            flight.tap = PassingBy(flight, status.METHOD, self.memory.changed)

    def purge(
        self, *, groups: Collection[bytes] = (), prefix: bytes = b"", everything: bool = False
    ) -> int:
        """Forget answers by hand: of these groups, below this path, or all; says how many."""
        memory = self.memory
        if everything:
            return memory.forget_where(lambda _: True)
        count = memory.forget_groups(groups) if groups else 0
        if prefix:
            count += memory.forget_where(
                lambda stored: stored.key[len(stored.origin) :].startswith(prefix)
            )
        return count

    def samples(self) -> Iterator[Sample]:
        """Our figures: name, kind, help, labels, value."""
        yield from self.counts.samples(self.memory)

    async def stop(self) -> None:
        """Give up what is under way."""
        await self.asking.fetching.stop()

    def _usable(self, flight: Flight, asked: Asked, stored: Stored) -> bool:
        now = self.memory.now()
        if usable.fresh_enough(stored, asked.wanted, now):
            return True
        if usable.while_revalidating(stored, asked.wanted, now):
            self.counts.stale += 1
            self.asking.renew(flight, asked, stored)
            return True
        return False

    async def _pass(self, flight: Flight, tap: PassingBy) -> None:
        self.counts.passed += 1
        flight.tap = tap
        await self.asking.forwarder.forward(flight)

    def _head_seen(self, flight: Flight, code: int, fields: Fields) -> None:
        """What an answer to HEAD says about the stored answer to GET: RFC 9111, 4.3.5."""
        memory = self.memory
        stored = self.find(flight)
        if stored is None or code != stored.status:
            return
        if not head_agrees(stored, fields):
            memory.store.drop(stored)
            return
        now = memory.now()
        answer = updated(stored, fields, now, now)
        policy = memory.judge(flight, code, answer.fields)
        if policy is None:
            memory.store.drop(stored)
        else:
            memory.keep(memory.made(flight, answer, policy), memory.purges.number)


def for_service(flight: Flight, asked: Asked) -> bool:
    """Whether the service itself must answer this."""
    caller = flight.caller
    if asked.for_service or asked.wanted.no_store or caller.permissions or caller.superuser:
        return True
    return flight.body is not None or flight.head.upgrade is not None
