"""Whatever keeps us from going on, we notice that we stand still, say where, and go on."""

from __future__ import annotations

import errno
import logging
import select
import socket
import sys
import threading
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

import pytest
from pika.adapters.utils import connection_workflow

from shared.bus.protocol import Outcome
from shared.bus.rabbitmq import RabbitBus
from shared.bus.rabbitmq.io_thread import IoThread
from shared.bus.rabbitmq.station import Station
from tests.shared.bus.breakable import Sieve
from tests.shared.bus.wires import Wire, bodies, eventually, receive

PATIENCE = 1.0  # seconds, instead of many
SOON = 20.0

CHANNEL_OPEN_OK = (20, 11)
CHANNEL_CLOSE_OK = (20, 41)
QUEUE_DECLARE_OK = (50, 11)
CONSUME_OK = (60, 21)


@pytest.fixture
def sieve(rabbitmq: Wire) -> Iterator[Sieve]:
    """A way to the broker on which answers can be lost."""
    sieve = Sieve(rabbitmq.url)
    yield sieve
    sieve.keep_back()
    sieve.cut()


@pytest.fixture
def io() -> Iterator[IoThread]:
    """A thread of its own."""
    io = IoThread("a test", on_crash=lambda: None)
    yield io
    io.stop(1.0)


@pytest.mark.real
@pytest.mark.parametrize(
    ("answer", "step"),
    [
        (CHANNEL_OPEN_OK, "look (channel opening)"),
        (CHANNEL_CLOSE_OK, "look (channel open)"),
        (QUEUE_DECLARE_OK, "move_in (channel open)"),
        (CONSUME_OK, "move_in (channel open)"),
    ],
)
def test_a_listener_whose_answer_never_comes_says_where_it_stood_and_begins_anew(
    rabbitmq: Wire,
    sieve: Sieve,
    caplog: pytest.LogCaptureFixture,
    answer: tuple[int, int],
    step: str,
) -> None:
    rabbitmq.bus().subscribe(rabbitmq.queue, [rabbitmq.placed]).close()  # so that all is declared
    sieve.keep_back(answer)
    with caplog.at_level(logging.WARNING):
        bus = patient(sieve.url, rabbitmq)
        listening = in_thread(bus, rabbitmq)
        assert sieve.lost.wait(SOON)
        sieve.keep_back()  # what is lost stays lost

        assert eventually(lambda: bool(listening) and listening[0].healthy(), within=SOON)

    assert f"nothing has moved for 1 s at: {step}" in caplog.text
    assert rabbitmq.bus().publisher().publish(rabbitmq.orders(1)) == [Outcome.CONFIRMED]
    assert bodies(receive(listening[0], 1)) == ["0"]


@pytest.mark.real
def test_a_listener_whose_step_fails_by_our_own_mistake_begins_anew(
    rabbitmq: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = once(monkeypatch, "pika.channel.Channel.basic_consume", TypeError("a mistake"))

    listening = in_thread(patient(rabbitmq.url, rabbitmq), rabbitmq)

    assert failures.wait(SOON)
    assert eventually(lambda: bool(listening) and listening[0].healthy(), within=SOON)


@pytest.mark.real
def test_a_name_that_is_looked_up_for_ever_does_not_keep_us_from_connecting(
    rabbitmq: Wire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    look_up, never = socket.getaddrinfo, threading.Event()
    asked: list[str] = []

    def slow(*arguments: Any, **named: Any) -> Any:
        asked.append(threading.current_thread().name)
        if len(asked) == 1:
            never.wait()
        return look_up(*arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    bus = patient(rabbitmq.url, rabbitmq)
    try:
        publisher = bus.publisher()
        assert eventually(lambda: not publisher.problem(), within=SOON)
    finally:
        never.set()

    assert "nothing has moved for 1 s at: connecting (INIT)" in caplog.text


@pytest.mark.real
def test_a_connection_that_cannot_even_be_begun_is_tried_again(
    rabbitmq: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow = f"{connection_workflow.__name__}.AMQPConnectionWorkflow.start"
    failures = once(monkeypatch, workflow, RuntimeError("no more of anything"))
    bus = rabbitmq.bus()

    publisher = bus.publisher()

    assert failures.wait(SOON)
    assert eventually(lambda: not publisher.problem(), within=SOON)


@pytest.mark.real
def test_the_io_thread_may_run_ahead_of_whoever_makes_a_subscription(rabbitmq: Wire) -> None:
    rabbitmq.bus().subscribe(rabbitmq.queue, [rabbitmq.placed]).close()
    bus, made = rabbitmq.bus(), []
    bus.publisher()  # so that what is slow about the first use of a bus is done

    def listen() -> None:
        with_a_pause_after(Station.__init__.__code__)
        try:
            made.append(bus.listen([rabbitmq.placed], name="sessions"))
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join(SOON)

    assert eventually(made[0].healthy, within=3.0), made[0].problem()


def test_a_timer_that_raises_takes_no_other_along(io: IoThread) -> None:
    ran = threading.Event()

    def both() -> None:
        io.loop.call_later(0, lambda: fail("as pika's own timers may"))
        io.call_later(0, ran.set)

    io.call(both)

    assert ran.wait(SOON)


def test_an_io_loop_that_could_not_be_started_again_is_started_later(
    io: IoThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran, refused, make = threading.Event(), threading.Event(), select.epoll

    def refuse_once(*arguments: Any) -> select.epoll:
        if not refused.is_set():
            refused.set()
            raise OSError(errno.EMFILE, "Too many open files")
        return make(*arguments)

    monkeypatch.setattr(select, "epoll", refuse_once)
    io.loop.add_callback_threadsafe(lambda: fail("the loop stumbles"))
    assert refused.wait(SOON)

    io.call(ran.set)

    assert ran.wait(5.0)


def patient(url: str, wire: Wire) -> RabbitBus:
    """A bus that does not wait for long; closed after the test."""
    bus = RabbitBus(url, client="test", patience=PATIENCE)
    wire.opened.append(bus)
    return bus


def in_thread(bus: RabbitBus, wire: Wire) -> list[Any]:
    """Listen, and put the subscription here once we have it, which may take a while."""
    made: list[Any] = []
    listen = lambda: made.append(bus.listen([wire.placed], name="sessions"))  # noqa: E731
    threading.Thread(target=listen, daemon=True).start()
    return made


def once(monkeypatch: pytest.MonkeyPatch, name: str, error: Exception) -> threading.Event:
    """The next call of this raises, those after it do not."""
    place, _, attribute = name.rpartition(".")
    module, _, cls = place.rpartition(".")
    owner = getattr(sys.modules[module], cls)
    real, failed = getattr(owner, attribute), threading.Event()

    def fails_first(*arguments: Any, **named: Any) -> Any:
        if not failed.is_set():
            failed.set()
            raise error
        return real(*arguments, **named)

    monkeypatch.setattr(owner, attribute, fails_first)
    return failed


def with_a_pause_after(code: CodeType) -> None:
    """From now on this thread rests when it leaves that function, as on a busy machine."""

    def at_the_end(_: FrameType, event: str, __: Any) -> Any:
        if event == "return":
            threading.Event().wait(1.0)
        return at_the_end

    sys.settrace(lambda frame, *_: at_the_end if frame.f_code is code else None)


def fail(why: str) -> None:
    raise RuntimeError(why)
