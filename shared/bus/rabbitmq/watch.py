"""Watching that every event we subscribed to still finds its way to our queue."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from shared.bus.holes import Holes
from shared.bus.rabbitmq.echo import Echo
from shared.bus.rabbitmq.station import Station
from shared.bus.topology import REPAIR

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0
LOOK_AGAIN = 0.2  # after mending
LOOK_AROUND = 12  # looks: how seldom we ask for what no echo tells of, as the queue of the dead


class Watch:
    """Asks for echoes, mends what is missing if it may, and counts the holes once they are closed.

    Counting before would be too early: a replay would fall through the same hole.
    """

    def __init__(
        self, echo: Echo, queue: str, types: Sequence[str], changed: Callable[[], object]
    ) -> None:
        self.holes = Holes()
        self.missing: tuple[str, ...] = ()  # types that would not reach us
        self.absent_around = ""  # what else is not there, in the broker's words
        self.binds = True  # whether declaring includes bindings, which covers up what was missing
        self._echo = echo
        self._queue = queue
        self._types = tuple(types)
        self._changed = changed
        self._hole = self._any = False  # any: whatever its type, it may have passed us by
        self._lost: set[str] = set()
        self._round = self._looks = 0

    def problem(self) -> str:
        """What is missing, and what to do about it; empty when nothing is."""
        told = f"no binding for {', '.join(self.missing)}" if self.missing else self.absent_around
        return f"{told}: {REPAIR}" if told else ""

    def absent(self) -> None:
        """Our queue, or what leads to it, is not there."""
        self._hole = self._any = self.binds = True

    def verify(self, then: Callable[[], None]) -> None:
        """Before we bind, which would cover it up: is anything missing?

        Only at first. Who comes back after an outage consumes at once, and looks then.
        """
        if not self.binds:
            then()
            return

        def judged(lost: tuple[str, ...] | None) -> None:
            if lost is not None:
                self._note(lost)
            then()

        self._echo.ask(self._queue, self._types, judged)

    def joined(self, station: Station) -> None:
        """We consume: holes are closed, as far as we could close them. Keep looking."""
        if station.declares and self.binds:
            self._hole |= bool(self.missing)
            self.missing = ()
        if self._hole and not self.missing:
            self._count()
        self.absent_around = ""
        self._round += 1
        self._look_later(station, LOOK_EVERY if self.binds else LOOK_AGAIN)
        self.binds = False

    def _look_later(self, station: Station, wait: float) -> None:
        generation, round_ = station.generation, self._round

        def look() -> None:
            if station.generation == generation and self._round == round_:
                self._echo.ask(self._queue, self._types, judged)

        def judged(lost: tuple[str, ...] | None) -> None:
            if station.generation == generation and self._round == round_:
                self._judged(station, lost)

        station.link.io.call_later(wait, look)

    def _judged(self, station: Station, lost: tuple[str, ...] | None) -> None:
        if lost is not None:
            self._note(lost)
        if lost == () and self._hole:
            self._count()
        self._looks += 1
        if lost and station.declares:
            self._mend(station)
        elif self._looks % LOOK_AROUND == 0:
            station.look_beside(lambda absent: self._looked_around(station, absent))
        else:
            self._look_later(station, LOOK_EVERY)

    def _looked_around(self, station: Station, absent: str) -> None:
        if absent and absent != self.absent_around:
            log.error("queue %s: %s", self._queue, absent)
        self.absent_around = absent
        if absent and station.declares and station.ready:
            self._mend(station)
        else:
            self._look_later(station, LOOK_EVERY)

    def _mend(self, station: Station) -> None:
        def mended(refused: str) -> None:
            if refused:
                log.error("queue %s cannot be mended: %s", self._queue, refused)
            self.absent_around = refused
            self.binds = False
            self._look_later(station, LOOK_AGAIN)

        self.binds = True
        station.mend(mended)

    def _note(self, lost: tuple[str, ...]) -> None:
        if lost and lost != self.missing:
            log.error("queue %s hears no more of %s", self._queue, ", ".join(lost))
        self._hole |= bool(lost)
        self._lost.update(lost)
        self.missing = lost

    def _count(self) -> None:
        log.warning("queue %s is whole again; events may have passed it by", self._queue)
        self.holes.add(() if self._any else self._lost)
        self._hole = self._any = False
        self._lost.clear()
        self._changed()
