"""Probes: would an event of this type reach that queue? Found out without putting one into it.

AMQP lists no bindings, so we send a probe the way of the event (see shared.bus.topology) and
listen for its echo. Only a probe that the broker has confirmed and that nobody heard counts as
lost; a broker that is slow, away or takes nothing for now has given no answer.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from pika.channel import Channel
from pika.exceptions import ChannelClosedByBroker
from pika.spec import BasicProperties

from shared.bus import topology
from shared.bus.rabbitmq import declaring
from shared.bus.rabbitmq.io_thread import shielded
from shared.bus.rabbitmq.link import Link
from shared.bus.rabbitmq.station import NOT_FOUND, Station
from shared.bus.topology import Binding

log = logging.getLogger(__name__)

Verdict = Callable[["tuple[str, ...] | None"], object]  # which types are lost; None: no answer

ANSWER_WITHIN = 5.0
ECHO_AFTER_CONFIRM = 0.5
TRANSIENT = 1


class Round:
    """The probes of one question."""

    def __init__(self, queue: str, types: Sequence[str], verdict: Verdict) -> None:
        self.queue = queue
        self.types = tuple(types)
        self.silent = set(types)
        self.last_tag = 0
        self.second_try = False
        self._verdict: Verdict | None = verdict

    def answer(self, lost: tuple[str, ...] | None) -> None:
        """Say it once."""
        verdict, self._verdict = self._verdict, None
        if verdict is not None:
            verdict(lost)


class Echo:
    """Sends probes over the publishing connection, and hears them come back on a queue of its own.

    Its methods belong to the I/O thread.
    """

    def __init__(self, link: Link, name: str) -> None:
        self._link = link
        self._sink = ""
        self._channel: Channel | None = None
        self._bound: set[str] = set()
        self._waiting: list[Round] = []
        self._rounds: dict[str, Round] = {}
        self._tokens = map(str, itertools.count(1))
        self._last_tag = 0
        self._station = Station(link, self, f"{name} probes", declares=True)
        self._station.begin()

    def ask(self, queue: str, types: Sequence[str], verdict: Verdict) -> None:
        """Find out which of these types would not reach the queue; the verdict comes later."""
        round_ = Round(queue, types, verdict)
        if self._link.tried.is_set() and self._link.problem():
            round_.answer(None)
            return
        self._link.io.call_later(ANSWER_WITHIN, partial(self._drop, round_))
        if self._sink:
            self._send(round_)
        else:
            self._waiting.append(round_)

    def look(self, channel: Channel) -> None:
        """Nothing need exist for us: what is absent is an answer."""

    def absent(self) -> None:
        """Does not happen: we look for nothing."""

    def verify(self, then: Callable[[], None]) -> None:
        """There is nothing to verify."""
        then()

    def declare(self, channel: Channel) -> None:
        """Nothing lasting is ours."""

    def move_in(self, channel: Channel) -> None:
        """Make the queue in which echoes arrive; it lives as long as the channel is used."""
        self._channel, self._last_tag = channel, 0
        self._bound.clear()
        channel.confirm_delivery(shielded(self._confirmed))
        made = shielded(partial(self._listen, channel))
        channel.queue_declare("", exclusive=True, auto_delete=True, callback=made)

    def move_out(self) -> None:
        """A channel closed for want of an exchange is an answer: nothing would arrive."""
        gone = self._station.reason
        absent = isinstance(gone, ChannelClosedByBroker) and gone.reply_code == NOT_FOUND
        self._channel, self._sink = None, ""
        rounds, self._rounds = self._rounds, {}
        for round_ in rounds.values():
            round_.answer(round_.types if absent else None)
        if self._station.closing:
            for round_ in self._waiting:
                round_.answer(None)

    def unblocked(self) -> None:
        """The next question will be sent again."""

    def _listen(self, channel: Channel, frame: Any) -> None:
        self._sink = frame.method.queue
        channel.basic_consume(self._sink, shielded(self._heard), auto_ack=True)
        self._station.is_ready()
        waiting, self._waiting = self._waiting, []
        for round_ in waiting:
            self._send(round_)

    def _send(self, round_: Round) -> None:
        channel = self._channel
        if channel is None or not channel.is_open:
            round_.answer(None)
            return
        if round_.queue not in self._bound:
            self._bound.add(round_.queue)
            key = f"#.probe.{round_.queue}"
            declaring.bind(channel, Binding(topology.echo_name(round_.queue), self._sink, key))
        token = next(self._tokens)
        self._rounds[token] = round_
        properties = _properties(token)
        for type_ in round_.types:
            probe = topology.probe_key(type_, round_.queue)
            channel.basic_publish(topology.EVENTS, probe, type_.encode(), properties)
        self._last_tag += len(round_.types)
        round_.last_tag = self._last_tag

    def _heard(self, _: Any, __: Any, properties: BasicProperties, body: bytes) -> None:
        round_ = self._rounds.get(properties.message_id or "")
        if round_ is None:
            return
        round_.silent.discard(body.decode())
        if not round_.silent:
            del self._rounds[properties.message_id or ""]
            round_.answer(())

    def _confirmed(self, frame: Any) -> None:
        for token, round_ in list(self._rounds.items()):
            if frame.method.delivery_tag >= round_.last_tag:
                self._link.io.call_later(ECHO_AFTER_CONFIRM, partial(self._judge, token))

    def _judge(self, token: str) -> None:
        round_ = self._rounds.pop(token, None)
        if round_ is None:
            return
        if round_.second_try or self._channel is None:
            round_.answer(tuple(type_ for type_ in round_.types if type_ in round_.silent))
            return
        # Perhaps only our own ear was cut off: the echo was taken away and made again.
        round_.second_try = True
        self._bound.discard(round_.queue)
        self._send(round_)

    def _drop(self, round_: Round) -> None:
        self._waiting = [each for each in self._waiting if each is not round_]
        self._rounds = {token: each for token, each in self._rounds.items() if each is not round_}
        round_.answer(None)


def _properties(token: str) -> BasicProperties:
    return BasicProperties(  # type: ignore[no-untyped-call]  # pika has no types here
        message_id=token,
        delivery_mode=TRANSIENT,
        expiration="1000",  # where nobody is bound at all it lands among the unheard, briefly
    )
