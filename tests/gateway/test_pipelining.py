"""Requests behind others on one connection: malformed ones, and those that come in parts."""

from __future__ import annotations

import itertools
import re
import time

import pytest

from tests.gateway.conftest import Services
from tests.gateway.stage import RunningGateway, connect, read_answer, wait_until
from tests.gateway.test_listening import bodies_of, get, read_all


@pytest.mark.parametrize(
    "bad",
    [b"rubbish\r\n\r\n", b"GET  /a HTTP/1.1\r\nhost: a\r\n\r\n", b"GET /a\r\n", b"x: y\r\n\r\n"],
)
def test_what_is_no_request_is_told_so_when_the_answers_before_it_are_sent(
    gateway: RunningGateway, services: Services, bad: bytes
) -> None:
    """RFC 9112, sections 2.2 and 9.3.2."""
    with connect(gateway.port) as client:
        client.sendall(get(b"/a") + get(b"/b") + bad + get(b"/c"))
        raw = read_all(client)

    statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", raw)]
    assert statuses == [200, 200, 400]
    assert raw.count(b"connection: close") == 1
    assert [seen.target for seen in services.catalog.seen] == ["/a", "/b"]


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (b"content-length: 5\r\n", b"hello"),
        (b"transfer-encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
    ],
)
def test_rubbish_behind_the_last_of_a_body_takes_nothing_from_it(
    gateway: RunningGateway, services: Services, lines: bytes, body: bytes
) -> None:
    """RFC 9112, section 6.3."""
    with connect(gateway.port) as client:
        client.sendall(b"POST /a HTTP/1.1\r\nhost: a\r\n" + lines + b"\r\n" + body[:4])
        wait_until(lambda: services.catalog.seen)
        client.sendall(body[4:] + b"rubbish\r\n\r\n")
        raw = read_all(client)

    assert [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", raw)] == [200, 400]
    assert [seen.body for seen in services.catalog.seen] == [b"hello"]


@pytest.mark.parametrize("cuts", [(1,), (4,), (4, 22), (1, 2, 3, 4, 5, 6, 7, 8), (18, 20, 32)])
def test_a_request_behind_another_may_come_in_parts(
    gateway: RunningGateway, services: Services, cuts: tuple[int, ...]
) -> None:
    second = b"\r\n" + get(b"/b", b"connection: close\r\n")
    places = [0, *cuts, len(second)]
    parts = [second[begin:end] for begin, end in itertools.pairwise(places)]
    with connect(gateway.port) as client:
        client.sendall(get(b"/a") + parts[0])
        raw = read_answer(client)
        for part in parts[1:]:
            client.sendall(part)
            time.sleep(0.02)
        raw += read_all(client)

    assert bodies_of(raw) == ["/a", "/b"]
