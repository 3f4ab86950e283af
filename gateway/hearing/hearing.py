"""One thread listens to the bus for the whole gateway; what it hears is done on the event loop.

Whoever keeps something in memory says which events end it, and what to do when events may have
passed us by. Nothing is kept on the bus for a listener that is away, so deafness, however short,
is a gap: the bus reports it, and we report it to everybody who wants to know.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from shared.bus import connect
from shared.bus.protocol import Delivery, Subscription
from shared.events import BadEnvelope, Envelope, Event, read_as
from shared.logging import get

E = TypeVar("E", bound=Event)
Gap = Callable[[frozenset[str]], object]
Sample = tuple[str, str, str, dict[str, str], float]

PATIENCE = 0.5
DEAF_FOR_LONG = 60.0  # seconds; the bus mends itself sooner whatever it is, if it can
ANY: frozenset[str] = frozenset()  # of a gap: events of any type may be missing

log = get("gateway.hearing")


class Hearing:
    """The gateway's ear. Say what you want to hear before it starts."""

    def __init__(
        self, bus_url: str, *, declare: bool = True, deaf_for_long: float = DEAF_FOR_LONG
    ) -> None:
        self.heard: dict[str, int] = {}  # type → how many so far
        self.unreadable = 0
        self.gaps = 0
        self._bus_url = bus_url
        self._declare = declare
        self._deaf_for_long = deaf_for_long
        self._wanted: dict[str, list[tuple[type[Event], Callable[[Any], object]]]] = {}
        self._of_any: dict[str, list[tuple[type[Event], Callable[[str, Any], object]]]] = {}
        self._on_gap: list[Gap] = []
        self._on_deaf: list[Callable[[object], object]] = []
        self._stop = threading.Event()
        self._healthy = False  # as the thread sees it; the loop learns it after the gap
        self._told: bool | None = None  # in the log: whether we hear
        self._hearing = False
        self._deaf_since = time.monotonic()
        self._gaps_seen = 0  # of the subscription at hand
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def on(self, event: type[E], callback: Callable[[E], object]) -> None:
        """Call `callback(event)` on the event loop for each event of this type, in order."""
        if self._thread is not None:
            raise RuntimeError("The gateway listens already: say earlier what it is to hear.")
        self._wanted.setdefault(event.TYPE, []).append((event, callback))

    def on_any(self, event: type[E], callback: Callable[[str, E], object]) -> None:
        """Call `callback(service, event)` for events of whichever service, said by its type.

        The type of `event` begins with `*`. `service` is who may say such a type; what the event
        says about itself is only what it says.
        """
        if self._thread is not None:
            raise RuntimeError("The gateway listens already: say earlier what it is to hear.")
        self._of_any.setdefault(event.TYPE, []).append((event, callback))

    def on_gap(self, callback: Gap) -> None:
        """Call `callback(types)` on the event loop whenever events may have passed us by.

        `types` are those that may be missing; empty means any. It is called when we can hear
        again, before what we then hear; also when we hear for the first time.
        """
        self._on_gap.append(callback)

    def on_deaf(self, callback: Callable[[], object]) -> None:
        """Call `callback()` on the event loop whenever we cannot hear any more."""
        self._on_deaf.append(lambda _: callback())

    def start(self) -> None:
        """Begin to listen, for the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="gateway-hearing", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Stop listening."""
        self._stop.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, PATIENCE * 6)

    def hears(self) -> bool:
        """Whether events reach us right now."""
        return self._hearing

    def deaf_seconds(self) -> float:
        """For how long events have not reached us; 0 while they do."""
        return 0.0 if self._hearing else time.monotonic() - self._deaf_since

    def samples(self) -> Iterator[Sample]:
        """Our figures: name, kind, help, labels, value."""
        yield "bus_hears", "gauge", "Whether events reach us.", {}, float(self._hearing)
        yield "bus_deaf_seconds", "gauge", "How long they have not.", {}, self.deaf_seconds()
        text = "Times that events may have passed us by."
        yield "bus_gaps_total", "counter", text, {}, float(self.gaps)
        text = "Events that we could not read."
        yield "bus_unreadable_total", "counter", text, {}, float(self.unreadable)
        for name, count in sorted(self.heard.items()):
            yield "bus_heard_total", "counter", "Events heard.", {"type": name}, float(count)

    # The rest runs on the thread, but for `_note` and `_do`.

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except Exception as error:  # noqa: BLE001 - a bus in trouble must not end listening
                log.warning("cannot listen to the bus", error=repr(error))
                self._told = False
                self._stop.wait(PATIENCE)

    def _listen(self) -> None:
        bus = connect(self._bus_url, client="gateway", declare=self._declare)
        try:
            subscription = bus.listen([*self._wanted, *self._of_any], name="gateway")
            self._gaps_seen = 0
            try:
                self._follow(subscription)
            finally:
                self._tell(healthy=False)
                subscription.close()
        finally:
            bus.close()

    def _follow(self, subscription: Subscription) -> None:
        """Hear what comes until we are stopped, or have been deaf for so long that we had better
        begin anew: a subscription comes back by itself, but this must not hang on one alone.
        """
        heard_at = time.monotonic()
        while not self._stop.is_set():
            deliveries = subscription.receive(PATIENCE)
            self._check_gap(subscription)
            self._hear(subscription, deliveries)
            if self._healthy:
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > self._deaf_for_long:
                log.error("deaf for long: listening anew", reason=subscription.problem())
                return

    def _check_gap(self, subscription: Subscription) -> None:
        problem, gaps = subscription.problem(), subscription.gaps
        healthy = not problem
        self._log(problem)
        if healthy and not self._healthy:
            self._report_gap(ANY)
        elif gaps != self._gaps_seen:
            self._report_gap(subscription.missed(self._gaps_seen))
        self._gaps_seen = gaps
        self._tell(healthy=healthy)

    def _log(self, problem: str) -> None:
        if self._told == (not problem):
            return
        self._told = not problem
        if problem:
            log.warning("the bus is not heard", reason=problem)
        else:
            log.info("the bus is heard")

    def _tell(self, *, healthy: bool) -> None:
        if healthy != self._healthy:
            self._healthy = healthy
            self._on_loop(self._note, healthy)

    def _note(self, healthy: object) -> None:
        self._hearing = healthy is True
        self._deaf_since = time.monotonic()
        for callback in [] if self._hearing else self._on_deaf:
            _do(callback, None)

    def _report_gap(self, types: frozenset[str]) -> None:
        self.gaps += 1
        for callback in self._on_gap:
            self._on_loop(callback, types)

    def _hear(self, subscription: Subscription, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            kind = delivery.message.type
            try:
                envelope = Envelope.from_json(delivery.message.body)
                known = [
                    (callback, read_as(envelope, event))
                    for event, callback in self._wanting(envelope.type)
                ]
            except BadEnvelope as error:
                log.warning("unreadable event", type=kind, error=str(error))
                self.unreadable += 1
                self._report_gap(frozenset({kind}))  # whatever it said has passed us by
            else:
                self.heard[kind] = self.heard.get(kind, 0) + 1
                for callback, event in known:
                    self._on_loop(callback, event)
            subscription.ack(delivery)

    def _wanting(self, kind: str) -> Iterator[tuple[type[Event], Callable[[Any], object]]]:
        yield from self._wanted.get(kind, ())
        service, _, rest = kind.partition(".")
        for event, callback in self._of_any.get(f"*.{rest}", ()):
            yield event, partial(callback, service)

    def _on_loop(self, callback: Callable[[Any], object], what: object) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(_do, callback, what)
        except RuntimeError:  # the loop is closed: nobody is left to do it
            self._stop.set()


def _do(callback: Callable[[Any], object], what: object) -> None:
    try:
        callback(what)
    except Exception:
        log.exception("what was heard could not be done", what=type(what).__name__)
