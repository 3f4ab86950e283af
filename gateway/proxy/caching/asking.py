"""A GET that memory cannot answer: one asks, others wait for that answer, some go by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gateway.proxy.caching import status
from gateway.proxy.caching.collapsing import Fetch, Outcome
from gateway.proxy.caching.conditions import Asked
from gateway.proxy.caching.fetching import Asks, Fetching
from gateway.proxy.caching.keys import key_of, selected
from gateway.proxy.caching.sending import ready
from gateway.proxy.caching.stored import Ready, Stored
from gateway.proxy.caching.taps import Collecting, PassingBy
from gateway.proxy.clock import Clock
from gateway.proxy.flight import Flight
from gateway.proxy.upstream.connection import Connection
from gateway.refusals import Refused

if TYPE_CHECKING:
    from gateway.proxy.caching.cache import SharedCache

ROUNDS = 2  # how often a request waits for the answer to another before it asks by itself
MOST_ALONE = 4096  # lanes of which we remember that nobody need wait there
WRITE_SECONDS = 60.0

Lane = tuple[bytes, bool]  # a key, and whether the caller says who they are


class Forwards(Asks, Protocol):
    """Passes requests on."""

    async def forward(self, flight: Flight) -> None:
        """Answer with what the service says."""

    async def hand_on(self, flight: Flight, connection: Connection) -> None:
        """Send the answer whose head is there, and release the connection."""


@dataclass(frozen=True, slots=True)
class Question:
    """A GET on its way to a service."""

    flight: Flight
    asked: Asked
    stored: Stored | None  # what we have, if it can be validated
    lane: Lane
    why: bytes  # for Cache-Status


class Asking:
    """Asks services, each question once."""

    def __init__(self, fetching: Fetching, forwarder: Forwards, clock: Clock) -> None:
        self.fetching = fetching
        self.forwarder = forwarder
        self._clock = clock
        self._memory = fetching.memory
        # Hashes, in order of age: targets may be long, and one that is taken for another only
        # does not wait.
        self._alone: dict[int, None] = {}

    async def get(self, cache: SharedCache, flight: Flight, asked: Asked) -> None:
        """Answer a GET that could not be answered from memory."""
        why, patient = b"", True
        for waited in range(ROUNDS + 1):
            if waited and (at_hand := cache.at_hand(flight, why)) is not None:
                cache.counts.collapsed += 1
                await self._send(flight, at_hand)
                return
            if asked.wanted.only_if_cached:
                raise Refused(504, "only-if-cached", "There is no stored answer that will do.")
            question = self._question(cache, flight, asked)
            why = flight.cache = question.why
            if question.stored is None and (asked.range or hash(question.lane) in self._alone):
                break
            other = self.fetching.under_way.get(self._shared_as(question)) if patient else None
            if other is None or waited == ROUNDS:
                await self._lead(cache, question)
                return
            flight.wait_for("answer", flight.end)
            patient = await self.fetching.follow(other, flight)
        cache.counts.passed += 1
        flight.tap = Collecting(flight, question.why, self._memory, lambda: self._share(question))
        await self.forwarder.forward(flight)

    def renew(self, flight: Flight, asked: Asked, stored: Stored) -> None:
        """Ask for a newer answer in the background, unless that is being done already."""
        lane = (stored.key, flight.caller.authorization is not None)
        name = self._shared_as(Question(flight, asked, stored, lane, status.STALE))
        if name not in self.fetching.under_way:
            self.fetching.renew(flight, stored, name)

    def forget_lanes(self) -> None:
        """Forget for which targets nobody need wait."""
        self._alone.clear()

    def _question(self, cache: SharedCache, flight: Flight, asked: Asked) -> Question:
        key = key_of(flight)
        stored = cache.find(flight)
        if stored is not None:
            fresh = stored.fresh_until > self._memory.now()
            why = status.REQUEST if fresh else status.STALE
        else:
            known = key in self._memory.store.shelves
            why = status.VARY_MISS if known else status.URI_MISS
        return Question(flight, asked, stored, (key, flight.caller.authorization is not None), why)

    def _shared_as(self, question: Question) -> object:
        """Equal for requests that one answer can serve, as far as we know what it varies by."""
        shelf = self._memory.store.shelves.get(question.lane[0])
        flight = question.flight
        varied = () if shelf is None else tuple(selected(each, flight) for each in shelf.varied)
        return question.lane, varied

    async def _lead(self, cache: SharedCache, question: Question) -> None:
        """Ask, and be the first to be answered."""
        flight, stored = question.flight, question.stored
        # Whoever must be told by the service itself each time gains nothing by waiting.
        shared = stored is None or stored.policy.lifetime > 0
        name = self._shared_as(question) if shared else None
        if name in self.fetching.under_way:
            name = None
        fetch = self.fetching.start(flight, stored, name)
        flight.wait_for("answer", flight.end)
        outcome = await self.fetching.outcome(fetch)
        errand = fetch.errand
        flight.upstream, flight.tries, flight.asked = errand.upstream, errand.tries, errand.asked
        cache.counts.asked += 1
        if outcome.refused is not None:
            raise outcome.refused
        if outcome.connection is not None:
            self._remember_alone(question.lane)
            flight.tap = PassingBy(flight, question.why)
            await self.forwarder.hand_on(flight, outcome.connection)
            return
        cache.counts.validated += outcome.status == 304
        cache.counts.stood_in += outcome.stale
        await self._say(question, fetch, outcome)

    async def _say(self, question: Question, fetch: Fetch, outcome: Outcome) -> None:
        flight, stored = question.flight, outcome.answer
        assert stored is not None
        age = stored.age(self._memory.now())
        more = b"age: %d\r\n" % age if age or outcome.stale else b""
        value = status.forwarded(
            question.why, outcome.status, stored=outcome.stored, collapsed=fetch.shared
        )
        answer = ready(question.asked, stored, more + status.line(value), head_only=False)
        await self._send(flight, answer)

    async def _send(self, flight: Flight, answer: Ready) -> None:
        flight.say_ready(answer.status, answer.head, answer.body)
        if flight.client.full:
            flight.wait_for("client", self._clock.now + WRITE_SECONDS)
            await flight.client.room()

    def _remember_alone(self, lane: Lane) -> None:
        """What is answered here is not kept: nobody should wait for another's, until it is."""
        while len(self._alone) >= MOST_ALONE:
            del self._alone[next(iter(self._alone))]
        self._alone[hash(lane)] = None

    def _share(self, question: Question) -> None:
        self._alone.pop(hash(question.lane), None)
