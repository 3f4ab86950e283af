"""`bus tail`: events are watched as they pass, and nobody misses one for it."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shared import clock
from shared.bus import connect
from shared.bus.protocol import Message
from shared.context import opened
from shared.events import Envelope
from shared.ids import new_id
from shared.service import Service
from tests.shared.bus.wires import eventually
from tests.shared.commanding.conftest import Shell
from tests.shared.conftest import Counted


@contextmanager
def passing(service: Service, *correlations: str) -> Iterator[None]:
    """Events pass again and again, one of each correlation at a time."""
    stop = threading.Event()

    def publish() -> None:
        bus = connect(service.settings.bus_url, client="tests")
        publisher = bus.publisher()
        while not stop.wait(0.05):
            publisher.publish([message(each) for each in correlations])
        bus.close()

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def message(correlation: str) -> Message:
    envelope = Envelope.around(
        Counted(name="sh\x1b[31meep", count=1, version=7),
        id=str(new_id()), source="/tally", time=clock.now(), by=opened(correlation, None),
    )  # fmt: skip
    return Message(envelope.id, envelope.type, envelope.to_json())


def test_what_passes_is_printed_line_by_line(run: Shell, service: Service) -> None:
    with passing(service, "a-request"):
        said = run("tail", "--count", "2", "--seconds", "60", "--body")

    assert said.exit_code == 0
    lines = said.stdout.splitlines()
    assert len(lines) == 4
    assert "tally.tally.counted.v1" in lines[0]
    assert "v7  a-request" in lines[0]
    assert '"count": 1' in lines[1]
    assert "\x1b" not in said.stdout


def test_only_one_request_can_be_followed(run: Shell, service: Service) -> None:
    words = ("tail", "--correlation", "request-b", "--count", "2", "--seconds", "60", "--json")

    with passing(service, "request-a", "request-b"):
        said = run(*words)

    events = [json.loads(line) for line in said.stdout.splitlines()]
    assert [event["correlationid"] for event in events] == ["request-b", "request-b"]


@pytest.mark.parametrize("ask", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_when_told_to(run: Shell, service: Service, ask: signal.Signals) -> None:
    before = signal.getsignal(ask)

    def tell() -> None:
        assert eventually(lambda: signal.getsignal(ask) != before)  # it is at work
        os.kill(os.getpid(), ask)

    telling = threading.Thread(target=tell)
    telling.start()
    said = run("tail", "--seconds", "60")
    telling.join()

    assert said.exit_code == 0
    assert signal.getsignal(ask) == before
