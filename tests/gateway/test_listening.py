"""Client connections byte by byte: when they live on, in what order they are answered."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

import pytest

from tests.gateway.conftest import Services
from tests.gateway.stage import (
    RunningGateway,
    Seen,
    answer,
    connect,
    read_answer,
    read_body,
    says,
    status_of,
    talk,
    tell,
    wait_until,
)

Open = Callable[..., RunningGateway]
GET = b"GET /products HTTP/1.1\r\nhost: a\r\n\r\n"


def get(path: bytes, *lines: bytes, version: bytes = b"1.1") -> bytes:
    return b"GET " + path + b" HTTP/" + version + b"\r\nhost: a\r\n" + b"".join(lines) + b"\r\n"


def read_all(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


def is_open(client: socket.socket) -> bool:
    """Whether another request is answered."""
    client.sendall(GET)
    return status_of(read_answer(client)) == 200


def bodies_of(raw: bytes) -> list[str]:
    """The targets that were told, in the order of the answers."""
    found = []
    while raw:
        head, _, rest = raw.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        found.append(str(json.loads(rest[:length])["target"]))
        raw = rest[length:]
    return found


@pytest.mark.parametrize(
    ("section", "version", "lines", "lives"),
    [
        ("RFC 9112 9.3: 1.1 persists", b"1.1", b"", True),
        ("RFC 9112 9.3: 1.1 with close", b"1.1", b"connection: close\r\n", False),
        ("RFC 9112 9.3: close in any case", b"1.1", b"connection: Close\r\n", False),
        ("RFC 9112 9.3: close among others", b"1.1", b"connection: x, close\r\n", False),
        ("RFC 9112 9.3: 1.0 ends", b"1.0", b"", False),
        ("RFC 9112 9.3: 1.0 with keep-alive", b"1.0", b"connection: keep-alive\r\n", True),
    ],
)
def test_a_connection_lives_on_only_if_both_sides_say_so(
    gateway: RunningGateway,
    services: Services,
    section: str,
    version: bytes,
    lines: bytes,
    lives: bool,
) -> None:
    with connect(gateway.port) as client:
        client.sendall(get(b"/", lines, version=version))
        raw = read_answer(client)

        said = raw.partition(b"\r\n\r\n")[0].lower()
        assert status_of(raw) == 200, section
        assert (b"connection: close" in said) is not lives, section
        assert (b"connection: keep-alive" in said) is (lives and version == b"1.0"), section
        if lives:
            assert is_open(client), section
        else:
            assert client.recv(100) == b"", section


def test_pipelined_requests_are_answered_in_their_order(
    gateway: RunningGateway, services: Services
) -> None:
    """RFC 9112, section 9.3.2."""

    async def slow(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        await tell(seen, reader, writer)

    services.catalog.on("/slow", slow)

    with connect(gateway.port) as client:
        last = get(b"/c", b"connection: close\r\n")
        client.sendall(get(b"/slow") + get(b"/a") + get(b"/b") + last)
        raw = read_all(client)

    assert bodies_of(raw) == ["/slow", "/a", "/b", "/c"]
    assert [seen.target for seen in services.catalog.seen] == ["/slow", "/a", "/b", "/c"]


def test_a_pipelined_request_that_is_refused_keeps_its_place(gateway: RunningGateway) -> None:
    """RFC 9112, section 9.3.2."""
    with connect(gateway.port) as client:
        client.sendall(get(b"/a") + get(b"/internal/x") + get(b"/b", b"connection: close\r\n"))
        raw = read_all(client)

    statuses = [int(part[:3]) for part in raw.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [200, 404, 200]


def test_a_pipelined_body_belongs_to_its_request(
    gateway: RunningGateway, services: Services
) -> None:
    """RFC 9112, section 6.3."""
    first = b"PUT /a HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nfirst"
    second = (
        b"PUT /b HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
        b"6\r\nsecond\r\n0\r\n\r\n"
    )
    with connect(gateway.port) as client:
        client.sendall(first + second)
        read_all(client)

    assert [(seen.target, seen.body) for seen in services.catalog.seen] == [
        ("/a", b"first"),
        ("/b", b"second"),
    ]


def test_after_too_many_pipelined_requests_the_connection_ends(gateway: RunningGateway) -> None:
    """RFC 9112, section 9.3.2: whoever pipelines must be ready to send again what was not answered."""
    with connect(gateway.port) as client:
        client.sendall(get(b"/internal/x") * 150)
        raw = read_all(client)

    assert raw.count(b"HTTP/1.1 404") == 101
    assert raw.count(b"connection: close") == 1


def test_what_follows_a_last_request_is_not_done(
    gateway: RunningGateway, services: Services
) -> None:
    """RFC 9112, section 9.6."""
    with connect(gateway.port) as client:
        client.sendall(get(b"/a", b"connection: close\r\n") + get(b"/b"))
        raw = read_all(client)

    assert bodies_of(raw) == ["/a"]
    assert [seen.target for seen in services.catalog.seen] == ["/a"]


def test_a_request_may_come_byte_by_byte(gateway: RunningGateway, services: Services) -> None:
    request = b"POST /x?a=b HTTP/1.1\r\nhost: a\r\nx-name: value\r\ncontent-length: 3\r\n\r\nabc"
    with connect(gateway.port) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(request)):
            client.sendall(request[at : at + 1])
            time.sleep(0.001)
        raw = read_answer(client)

    assert status_of(raw) == 200
    (seen,) = services.catalog.seen
    assert (seen.target, seen.one("x-name"), seen.body) == ("/x?a=b", "value", b"abc")


def test_blank_lines_before_a_request_are_skipped(gateway: RunningGateway) -> None:
    """RFC 9112, section 2.2."""
    assert status_of(talk(gateway.port, b"\r\n\r\n" + GET)) == 200


@pytest.mark.parametrize("said", [b"connection: upgrade\r\nupgrade: h2c\r\n"])
def test_an_upgrade_that_nobody_offers_is_ignored(
    gateway: RunningGateway, services: Services, said: bytes
) -> None:
    """RFC 9110, section 7.8."""
    raw = talk(
        gateway.port, b"POST / HTTP/1.1\r\nhost: a\r\n" + said + b"content-length: 3\r\n\r\nabc"
    )

    assert status_of(raw) == 200
    assert services.catalog.seen[0].body == b"abc"


def test_an_idle_connection_is_closed_without_a_word(open_gateway: Open) -> None:
    """RFC 9112, section 9.5."""
    gateway = open_gateway(keep_alive=1)

    with connect(gateway.port) as client:
        assert is_open(client)
        began = time.monotonic()
        rest = read_all(client)

    assert rest == b""
    assert time.monotonic() - began > 0.5


def test_a_second_head_that_does_not_end_is_told_so(open_gateway: Open) -> None:
    """RFC 9110, section 15.5.9."""
    gateway = open_gateway(head_timeout=0.3)

    with connect(gateway.port) as client:
        assert is_open(client)
        client.sendall(GET[:20])
        raw = read_answer(client)

    assert status_of(raw) == 408


def test_one_connection_too_many_is_refused(open_gateway: Open) -> None:
    gateway = open_gateway(most_connections=2)

    with connect(gateway.port) as first, connect(gateway.port) as second:
        assert is_open(first)
        assert is_open(second)
        with connect(gateway.port) as third, suppress(ConnectionError):
            third.sendall(GET)
            assert third.recv(100) == b""
        assert is_open(first)
    wait_until(lambda: not gateway.server.server_state.connections)


def test_what_left_is_not_remembered(gateway: RunningGateway, services: Services) -> None:
    async def wait(seen: Seen, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_body(seen, reader)
        await reader.read()

    services.shop.on("/cart", wait)
    with ExitStack() as stack:
        for _ in range(5):
            client = stack.enter_context(connect(gateway.port))
            client.sendall(get(b"/cart") + get(b"/next"))
        wait_until(lambda: len(services.shop.seen) == 5)

    wait_until(lambda: not gateway.app.clock.in_flight)
    wait_until(lambda: not gateway.server.server_state.tasks)


def test_an_interim_answer_is_not_the_answer(gateway: RunningGateway, services: Services) -> None:
    """RFC 9110, section 15.2: 100 and 102 are for us only."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nx-a: b\r\ndate: x\r\n\r\n"
    services.catalog.on("/", says(interim + answer(b"final")))

    raw = talk(gateway.port, get(b"/"))

    assert raw.startswith(b"HTTP/1.1 200 OK\r\n")
    assert raw.endswith(b"final")
    assert b"x-a" not in raw
    assert raw.count(b"\r\ndate: ") == 1


@pytest.mark.parametrize("cut", range(1, 22))
def test_a_request_line_may_come_in_two_parts(gateway: RunningGateway, cut: int) -> None:
    with connect(gateway.port) as client:
        assert is_open(client)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(GET[:cut])
        time.sleep(0.01)
        client.sendall(GET[cut:])
        raw = read_answer(client)

    assert status_of(raw) == 200
    assert b"connection:" not in raw.partition(b"\r\n\r\n")[0]


def test_offers_of_another_protocol_may_be_pipelined(gateway: RunningGateway) -> None:
    """RFC 9110, section 7.8; the first ends the connection when it is declined."""
    offer = get(b"/a", b"connection: upgrade\r\nupgrade: h2c\r\n")
    with connect(gateway.port) as client:
        client.sendall(offer + offer)
        raw = read_all(client)

    assert bodies_of(raw) == ["/a"]
