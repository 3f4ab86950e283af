"""What is asked of others carries who asks and how long they wait, and nobody waits longer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shared import calling, context, deadline

PATIENT = 10.0


class Other(ThreadingHTTPServer):
    """Somebody else, who remembers what it was told and answers after `seconds`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.told: list[dict[str, str]] = []
        self.seconds = 0.0
        self.over = threading.Event()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Answering(BaseHTTPRequestHandler):
    """Answers one question."""

    server: Other

    def do_GET(self) -> None:
        """Remember, wait, answer."""
        self.server.told.append({name.lower(): value for name, value in self.headers.items()})
        self.server.over.wait(self.server.seconds)
        body = b"fine"
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def other() -> Iterator[Other]:
    with Other() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def test_it_carries_the_request_id_the_trace_and_what_is_left(other: Other) -> None:
    at_hand = context.opened("0123456789abcdef", None)
    with context.entered(at_hand), deadline.within(60.0):
        answer = calling.get(other.url, timeout=PATIENT)

    (told,) = other.told
    assert answer.text == "fine"
    assert told["x-request-id"] == "0123456789abcdef"
    assert told["traceparent"] == at_hand.traceparent
    assert 30_000 < int(told[deadline.FIELD]) <= 60_000


def test_what_is_left_shrinks_from_question_to_question(other: Other) -> None:
    other.seconds = 0.1
    with deadline.within(60.0), calling.client(timeout=PATIENT) as asking:
        asking.get(other.url)
        asking.get(other.url)

    first, second = (int(told[deadline.FIELD]) for told in other.told)
    assert second <= first - 100


def test_without_a_deadline_none_is_said(other: Other) -> None:
    with calling.stream(other.url, timeout=PATIENT) as answer:
        answer.read()

    assert deadline.FIELD not in other.told[0]


def test_nobody_waits_longer_than_is_left(other: Other) -> None:
    other.seconds = 60.0
    began = time.monotonic()

    over = (calling.CallFailed, deadline.DeadlineSpent)  # asked in vain, or too late to ask
    with deadline.within(0.2), pytest.raises(over):
        calling.get(other.url, timeout=PATIENT)

    assert time.monotonic() - began < 20


def test_with_nothing_left_nobody_is_asked(other: Other) -> None:
    with deadline.within(0.0), pytest.raises(deadline.DeadlineSpent):
        calling.get(other.url, timeout=PATIENT)

    assert other.told == []
