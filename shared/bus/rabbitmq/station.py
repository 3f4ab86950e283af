"""One channel, kept open: whatever ends it, the same routine makes everything again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from pika.channel import Channel
from pika.exceptions import ChannelClosed, ChannelClosedByBroker, ChannelClosedByClient

from shared.bus.rabbitmq.backoff import Backoff
from shared.bus.rabbitmq.crew import Crew
from shared.bus.rabbitmq.io_thread import shielded
from shared.bus.rabbitmq.link import Link
from shared.bus.rabbitmq.progress import Progress
from shared.bus.topology import REPAIR

log = logging.getLogger(__name__)

ACCESS_REFUSED = 403
NOT_FOUND = 404
LONGEST_WAIT = 5.0  # the connection is there, so asking again costs little


class Station:
    """Looks and declares on throw-away channels, then hands a channel to its crew, for ever.

    A mismatch with what exists closes only a throw-away channel and is told in plain words.
    """

    def __init__(self, link: Link, crew: Crew, name: str, *, declares: bool) -> None:
        self.link = link
        self.declares = declares  # whether we make what is missing
        self.reason: BaseException | None = None  # what ended our last channel
        self.generation = 0  # which channel of ours this is; tags mean nothing on another
        self.ready = False
        self.problem = "not joined yet"  # why we are not ready, in words
        self.closing = False
        self.tried = threading.Event()  # set when the first attempt has ended either way
        self.closed = threading.Event()
        self._crew = crew
        self._name = name
        self._backoff = Backoff(longest=LONGEST_WAIT)
        self._channel: Channel | None = None
        self._opening = False
        self._progress = Progress(link.io, link.patience, self._has_arrived, self._give_up)

    def begin(self) -> None:
        """Start work. Not before our crew knows its station: the I/O thread waits for nobody."""
        self.link.io.call(self._move_to_link)

    def is_ready(self) -> None:
        """The crew is at work."""
        self.ready, self.problem = True, ""
        self._backoff.succeeded()
        self.tried.set()

    def reset(self, reason: str) -> None:
        """Give up this channel and make another."""
        log.warning("%s: starting again, %s", self._name, reason)
        self.problem = reason
        self.renew()

    def renew(self) -> None:
        """Change this channel for another; nothing is wrong."""
        if self._channel is not None and self._channel.is_open:
            _leave(self._channel)

    def mend(self, then: Callable[[str], None]) -> None:
        """Declare once more, beside the channel that works; then go on, with what was refused."""
        self._beside(self._crew.declare, then)

    def look_beside(self, then: Callable[[str], None]) -> None:
        """Look once more, beside the channel that works; then go on, with what is missing."""
        self._beside(self._crew.look, then)

    def _beside(self, do: Callable[[Channel], None], then: Callable[[str], None]) -> None:
        def ended(_: Channel, reason: BaseException) -> None:
            well = isinstance(reason, ChannelClosedByClient)
            then("" if well else _told(reason))

        def opened(channel: Channel) -> None:
            do(channel)
            channel.close()

        def late() -> None:
            if not channel.is_closed:
                self.link.drop(f"no answer to {self._name}, beside its channel")

        channel = self.link.line.channel(on_open_callback=shielded(opened))
        channel.add_on_close_callback(shielded(ended))
        self.link.io.call_later(self.link.patience, late)

    def close(self) -> None:
        """Close the channel in good order; what it holds unacknowledged goes back."""
        self.closing = True
        self._progress.end()
        if self in self.link.tenants:
            self.link.tenants.remove(self)
        if self._channel is not None and self._channel.is_open:
            _leave(self._channel)
        elif self._channel is None:
            self._stop()

    def link_opened(self) -> None:
        """Begin: the connection is there."""
        self._open()

    def link_lost(self) -> None:
        """Stop: the next connection begins again."""
        self._stop()

    def link_unblocked(self) -> None:
        """Pass it on."""
        self._crew.unblocked()

    def _move_to_link(self) -> None:
        self.link.tenants.append(self)
        self._progress.watch()
        if self.link.is_open:
            self._open()
        elif self.link.tried.is_set():
            self.tried.set()  # it is known to be away, so nobody need wait for us

    def _has_arrived(self) -> bool:
        return self.ready or bool(self.link.problem())  # without a link there is no way to go

    def _give_up(self, problem: str) -> None:
        self.problem = problem
        # Not the channel alone: who gets no answer on one can hardly tell whether it is the only.
        self.link.drop(f"{self._name}: {problem}")

    def _open(self) -> None:
        if self.link.is_open and not self._opening and not self.closing:
            self._opening = True
            self._use_channel(self._look, self._looked)

    def _use_channel(
        self, begin: Callable[[Channel], None], end: Callable[[BaseException], None]
    ) -> None:
        """Open a channel, `begin` with it, and say `end` with the reason when it closes."""

        def opened(channel: Channel) -> None:
            if channel is self._channel:
                self._progress.at(f"{begin.__name__.strip('_')} (channel open)")
                begin(channel)

        def closed(channel: Channel, reason: BaseException) -> None:
            if channel is self._channel:
                self._channel = None
                self.reason = reason
                end(reason)

        self._progress.at(f"{begin.__name__.strip('_')} (channel opening)")
        self._channel = self.link.line.channel(on_open_callback=shielded(opened))
        self._channel.add_on_close_callback(shielded(closed))

    def _look(self, channel: Channel) -> None:
        self._crew.look(channel)
        channel.close()

    def _looked(self, reason: BaseException) -> None:
        if self.closing or not self.link.is_open:
            self._stop()
        elif isinstance(reason, ChannelClosedByClient):
            attempt = self.generation
            self._progress.at("verify")
            self._crew.verify(lambda: self._verified(attempt))
        elif _is(reason, NOT_FOUND):
            self._crew.absent()
            if self.declares:
                self._use_channel(self._declare, self._declared)
            else:
                self._told_and_again(f"{_told(reason)}: {REPAIR}")
        else:
            self._told_and_again(f"cannot look for what we need: {_told(reason)}")

    def _verified(self, attempt: int) -> None:
        if attempt != self.generation or self._channel is not None:
            return  # the connection was lost meanwhile, and another attempt is on its way
        if self.closing:
            self._stop()
        elif self.declares:
            self._use_channel(self._declare, self._declared)
        else:
            self._use_channel(self._move_in, self._ended)

    def _told_and_again(self, problem: str) -> None:
        if problem != self.problem:
            log.error("%s: %s", self._name, problem)
        self.problem = problem
        self._again()

    def _declare(self, channel: Channel) -> None:
        self._crew.declare(channel)
        channel.close()

    def _declared(self, reason: BaseException) -> None:
        if self.closing or not self.link.is_open:
            self._stop()
        elif isinstance(reason, ChannelClosedByClient):
            self._use_channel(self._move_in, self._ended)
        elif _is(reason, ACCESS_REFUSED):
            log.warning("%s: we may not declare, so it must exist: %s", self._name, reason)
            self._use_channel(self._move_in, self._ended)
        else:
            told = f"what exists on the broker is not what we declare: {_told(reason)}; {REPAIR}"
            self._told_and_again(told)

    def _move_in(self, channel: Channel) -> None:
        if self.closing:
            channel.close()
            return
        self.generation += 1
        self._crew.move_in(channel)

    def _ended(self, reason: BaseException) -> None:
        if not (self.closing or isinstance(reason, ChannelClosedByClient)):
            self.problem = f"the broker closed our channel: {_told(reason)}"
            log.warning("%s: %s", self._name, self.problem)
        self._again()

    def _again(self) -> None:
        self._stop()
        self._progress.at("waiting to try again")
        if self.link.is_open and not self.closing:
            self.link.io.call_later(self._backoff.wait(), self._open)

    def _stop(self) -> None:
        self._channel = None
        self._opening = False
        self.generation += 1
        self.ready = False
        self.tried.set()
        self._crew.move_out()
        if self.closing:
            self.closed.set()


def _is(reason: BaseException, code: int) -> bool:
    return isinstance(reason, ChannelClosedByBroker) and reason.reply_code == code


def _told(reason: BaseException) -> str:
    """The broker's words, where there are any."""
    return reason.reply_text if isinstance(reason, ChannelClosed) else repr(reason)


def _leave(channel: Channel) -> None:
    """Close the channel, and nothing before.

    pika would cancel our consumer first: the broker would then hand what comes next to our partner
    at once, and what we still hold only after that. Closing gives back what we hold, in its order,
    before anybody takes over.
    """
    channel._consumers.clear()
    channel.close()
