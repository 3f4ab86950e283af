"""Bodies at the client's door: asked for only when wanted, never left in the way."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.gateway.conftest import Services
from tests.gateway.stage import (
    RunningGateway,
    Seen,
    answer,
    connect,
    read_answer,
    says,
    status_of,
    talk,
    wait_until,
)

Open = Callable[..., RunningGateway]
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
EXPECT = b"expect: 100-continue\r\n"


def post(*lines: bytes, body: bytes = b"", path: bytes = b"/x", version: bytes = b"1.1") -> bytes:
    head = b"PUT " + path + b" HTTP/" + version + b"\r\nhost: a\r\n" + b"".join(lines)
    return head + b"\r\n" + body


def read_all(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


def test_a_body_is_asked_for_once(gateway: RunningGateway, services: Services) -> None:
    """RFC 9110, section 10.1.1."""
    with connect(gateway.port) as client:
        client.sendall(post(EXPECT, b"content-length: 6\r\n"))
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        time.sleep(0.05)
        client.sendall(b"def")
        raw = read_answer(client)

    assert raw.startswith(b"HTTP/1.1 200 ")
    assert services.catalog.seen[0].body == b"abcdef"


@pytest.mark.parametrize(
    ("section", "raw"),
    [
        ("RFC 9110 10.1.1: the body came along", post(EXPECT, b"content-length: 3\r\n", body=b"abc")),
        ("RFC 9110 10.1.1: 1.0 knows no 100", post(EXPECT, b"content-length: 3\r\n", body=b"abc", version=b"1.0")),
        ("RFC 9110 10.1.1: there is no body", post(EXPECT, b"content-length: 0\r\n")),
    ],
)  # fmt: skip
def test_a_body_that_is_here_is_not_asked_for(
    gateway: RunningGateway, section: str, raw: bytes
) -> None:
    assert talk(gateway.port, raw).startswith(b"HTTP/1.1 200 "), section


def test_a_body_that_will_be_refused_is_not_asked_for(gateway: RunningGateway) -> None:
    """RFC 9110, section 10.1.1: a final status instead, and an end, as the body may follow or not."""
    with connect(gateway.port) as client:
        client.sendall(post(EXPECT, b"content-length: 100\r\n", path=b"/internal/x"))
        raw = read_all(client)

    assert raw.startswith(b"HTTP/1.1 404 ")
    assert b"connection: close" in raw


def test_the_short_rest_of_a_refused_body_is_read_and_the_connection_lives_on(
    gateway: RunningGateway,
) -> None:
    """RFC 9112, section 9.3: read the body, or close."""
    with connect(gateway.port) as client:
        client.sendall(post(b"content-length: 1000\r\n", path=b"/internal/x"))
        raw = read_answer(client)
        client.sendall(b"a" * 1000 + GET)
        again = read_answer(client)

    assert status_of(raw) == 404
    assert b"connection: close" not in raw
    assert status_of(again) == 200


@pytest.mark.parametrize(
    "framing", [b"content-length: 1000000\r\n", b"transfer-encoding: chunked\r\n"]
)
def test_the_long_rest_of_a_refused_body_ends_the_connection(
    gateway: RunningGateway, framing: bytes
) -> None:
    """RFC 9112, section 9.6: the client gets to read the answer even while it sends."""
    with connect(gateway.port) as client:
        client.sendall(post(framing, path=b"/internal/x"))
        client.sendall(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")
        raw = read_all(client)

    assert status_of(raw) == 404
    assert b"connection: close" in raw


def test_a_client_that_never_hangs_up_is_cut(gateway: RunningGateway) -> None:
    """RFC 9112, section 9.6."""
    with connect(gateway.port) as client:
        client.sendall(post(b"content-length: 100000000\r\n", path=b"/internal/x"))
        sent = 0
        with suppress(ConnectionError):
            while sent < 100_000_000:
                sent += client.send(b"a" * 65536)

    assert sent < 50_000_000


def test_bad_chunks_after_the_answer_began_cut_it(
    gateway: RunningGateway, services: Services
) -> None:
    """RFC 9112, section 7.1: what cannot be understood ends the connection."""

    async def early(_: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await reader.read()

    services.catalog.on("/x", early)

    with connect(gateway.port) as client:
        client.sendall(post(b"transfer-encoding: chunked\r\n", body=b"3\r\nabc\r\n"))
        got = client.recv(1000)
        client.sendall(b"rubbish\r\n")
        rest = read_all(client)

    assert status_of(got) == 200
    assert not (got + rest).endswith(b"0\r\n\r\n")
    wait_until(lambda: services.catalog.open == 0)
    wait_until(lambda: not gateway.app.clock.in_flight)


@pytest.mark.parametrize(
    ("section", "status"),
    [
        ("RFC 9110 15.3.5: 204 has no body", "204 No Content"),
        ("RFC 9110 15.4.5: 304 has no body", "304 Not Modified"),
    ],
)
def test_an_answer_without_body_leaves_the_connection_in_step(
    gateway: RunningGateway, services: Services, section: str, status: str
) -> None:
    services.catalog.on("/x", says(f"HTTP/1.1 {status}\r\netag: a\r\n\r\n".encode()))

    with connect(gateway.port) as client:
        client.sendall(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n" + GET)
        raw = b""
        while raw.count(b"HTTP/1.1 ") < 2 or b"\r\n\r\n{" not in raw:
            raw += client.recv(65536)

    head = raw.partition(b"\r\n\r\n")[0]
    assert raw.startswith(b"HTTP/1.1 " + status.encode()), section
    assert b"transfer-encoding" not in head, section
    assert b"content-length" not in head, section


def test_the_answer_to_head_has_the_length_but_not_the_body(
    gateway: RunningGateway, services: Services
) -> None:
    """RFC 9110, section 9.3.2."""
    services.catalog.on("/x", says(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"))

    with connect(gateway.port) as client:
        client.sendall(b"HEAD /x HTTP/1.1\r\nhost: a\r\n\r\n" + GET)
        raw = b""
        while raw.count(b"HTTP/1.1 200") < 2:
            raw += client.recv(65536)

    assert b"content-length: 5" in raw
    assert raw.partition(b"\r\n\r\n")[2].startswith(b"HTTP/1.1 200")


def test_the_refusal_of_head_has_no_body_either(gateway: RunningGateway) -> None:
    """RFC 9110, section 9.3.2."""
    with connect(gateway.port) as client:
        client.sendall(b"HEAD /internal HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        raw = read_all(client)

    assert status_of(raw) == 404
    assert raw.endswith(b"\r\n\r\n")


LONG = b"Z" * 100_000


async def until_closed(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n" + LONG)
    writer.close()


def test_a_body_of_unknown_length_goes_out_in_chunks(
    gateway: RunningGateway, services: Services
) -> None:
    """RFC 9112, section 7.1."""
    services.catalog.on("/x", until_closed)

    with connect(gateway.port) as client:
        client.sendall(b"GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        head, _, body = read_all(client).partition(b"\r\n\r\n")

    assert b"transfer-encoding: chunked" in head
    assert b"content-length" not in head
    assert body.endswith(b"\r\n0\r\n\r\n")
    assert body.count(b"Z") == len(LONG)


def test_a_client_without_chunks_is_told_the_length(
    gateway: RunningGateway, services: Services
) -> None:
    """RFC 9112, section 6.1: no transfer coding for HTTP/1.0."""
    services.catalog.on("/x", until_closed)

    with connect(gateway.port) as client:
        client.sendall(b"GET /x HTTP/1.0\r\nhost: a\r\n\r\n")
        head, _, body = read_all(client).partition(b"\r\n\r\n")

    assert b"transfer-encoding" not in head
    assert b"content-length: 100000" in head
    assert body == LONG


def test_events_for_a_client_without_chunks_end_with_the_connection(
    gateway: RunningGateway, services: Services
) -> None:
    """RFC 9112, section 6.3, rule 8."""

    async def events(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: x\n\n")
        await asyncio.sleep(0.05)
        writer.close()

    services.catalog.on("/x", events)

    with connect(gateway.port) as client:
        client.sendall(b"GET /x HTTP/1.0\r\nhost: a\r\n\r\n")
        head, _, body = read_all(client).partition(b"\r\n\r\n")

    assert b"connection: close" in head
    assert body == b"data: x\n\n"


def test_short_answers_leave_in_one_write(gateway: RunningGateway, services: Services) -> None:
    services.catalog.on("/x", says(answer(b"hello")))

    with connect(gateway.port) as client:
        client.sendall(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n")
        raw = client.recv(65536)

    assert raw.endswith(b"\r\n\r\nhello")
