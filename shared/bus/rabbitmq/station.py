"""One channel, kept open: whatever ends it, the same routine makes everything again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from pika.channel import Channel
from pika.exceptions import ChannelClosedByBroker, ChannelClosedByClient

from shared.bus.rabbitmq.backoff import Backoff
from shared.bus.rabbitmq.io_thread import shielded
from shared.bus.rabbitmq.link import Link

log = logging.getLogger(__name__)

ACCESS_REFUSED = 403


class Crew(Protocol):
    """What works on a channel."""

    def declare(self, channel: Channel) -> None:
        """Declare, without waiting, all that must exist; on a channel of its own."""
        ...

    def move_in(self, channel: Channel) -> None:
        """Start work on a fresh channel, and call `Station.is_ready` when work can go on."""
        ...

    def move_out(self) -> None:
        """The channel is gone; another one comes."""
        ...

    def unblocked(self) -> None:
        """The broker takes messages again."""
        ...


class Station:
    """Declares on a throw-away channel, then hands a channel to its crew, again and again.

    A mismatch with what exists closes only the throw-away channel and is told in plain words.
    """

    def __init__(self, link: Link, crew: Crew, name: str) -> None:
        self.link = link
        self.generation = 0  # which channel of ours this is; tags mean nothing on another
        self.ready = False
        self.closing = False
        self.tried = threading.Event()  # set when the first attempt has ended either way
        self.closed = threading.Event()
        self._crew = crew
        self._name = name
        self._backoff = Backoff()
        self._channel: Channel | None = None
        link.io.call(self._move_to_link)

    def is_ready(self) -> None:
        """The crew is at work."""
        self.ready = True
        self._backoff.succeeded()
        self.tried.set()

    def reset(self, reason: str) -> None:
        """Give up this channel and make another."""
        log.warning("%s: starting again, %s", self._name, reason)
        if self._channel is not None and self._channel.is_open:
            self._channel.close()

    def close(self) -> None:
        """Close the channel in good order; what it holds unacknowledged goes back."""
        self.closing = True
        if self in self.link.tenants:
            self.link.tenants.remove(self)
        if self._channel is not None and self._channel.is_open:
            self._channel.close()
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
        if self.link.is_open:
            self._open()
        elif self.link.tried.is_set():
            self.tried.set()  # it is known to be away, so nobody need wait for us

    def _open(self) -> None:
        if self.link.is_open and self._channel is None and not self.closing:
            self._use_channel(self._declare, self._declared)

    def _use_channel(
        self, begin: Callable[[Channel], None], end: Callable[[BaseException], None]
    ) -> None:
        """Open a channel, `begin` with it, and say `end` with the reason when it closes."""

        def opened(channel: Channel) -> None:
            if channel is self._channel:
                begin(channel)

        def closed(channel: Channel, reason: BaseException) -> None:
            if channel is self._channel:
                self._channel = None
                end(reason)

        self._channel = self.link.line.channel(on_open_callback=shielded(opened))
        self._channel.add_on_close_callback(shielded(closed))

    def _declare(self, channel: Channel) -> None:
        self._crew.declare(channel)
        channel.close()

    def _declared(self, reason: BaseException) -> None:
        if self.closing or not self.link.is_open:
            self._stop()
        elif isinstance(reason, ChannelClosedByClient):
            self._use_channel(self._move_in, self._ended)
        elif _may_not_declare(reason):
            log.warning("%s: we may not declare, so it must exist: %s", self._name, reason)
            self._use_channel(self._move_in, self._ended)
        else:
            log.error(
                "%s: what exists on the broker is not what we declare: %s", self._name, reason
            )
            self._again()

    def _move_in(self, channel: Channel) -> None:
        if self.closing:
            channel.close()
            return
        self.generation += 1
        self._crew.move_in(channel)

    def _ended(self, reason: BaseException) -> None:
        if not self.closing:
            log.warning("%s: channel closed, %s", self._name, reason)
        self._again()

    def _again(self) -> None:
        self._stop()
        if self.link.is_open and not self.closing:
            self.link.io.call_later(self._backoff.wait(), self._open)

    def _stop(self) -> None:
        self._channel = None
        self.generation += 1
        self.ready = False
        self.tried.set()
        self._crew.move_out()
        if self.closing:
            self.closed.set()


def _may_not_declare(reason: BaseException) -> bool:
    return isinstance(reason, ChannelClosedByBroker) and reason.reply_code == ACCESS_REFUSED
