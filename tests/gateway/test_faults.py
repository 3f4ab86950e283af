"""Services that fail in every way: the right status, in bounded time, and nothing left behind."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias

import pytest

from tests.gateway.conftest import Services
from tests.gateway.counting import nothing_left_behind
from tests.gateway.stage import (
    RunningGateway,
    Script,
    Seen,
    answer,
    connect,
    get,
    read_answer,
    says,
    status_of,
    wait_until,
)

Open = Callable[..., RunningGateway]
Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter

HASTE = {"read_timeout": 0.4, "connect_timeout": 0.4, "body_timeout": 0.4}
BOUND = 20.0  # seconds; by default a silent service has half a minute
GET = b"GET /cart HTTP/1.1\r\nhost: a\r\n\r\n"
POST = b"POST /cart HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n"


async def fall_silent(_: Seen, reader: Reader, __: Writer) -> None:
    await reader.read()


async def reset(_: Seen, __: Reader, writer: Writer) -> None:
    abort(writer)


async def hang_up(_: Seen, __: Reader, writer: Writer) -> None:
    writer.close()


def abort(writer: Writer) -> None:
    """End a connection by RST."""
    plug = writer.get_extra_info("socket")
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def then(raw: bytes, end: Callable[[Writer], None] | None) -> Script:
    """Say this; then end the connection so, or fall silent."""

    async def script(_: Seen, reader: Reader, writer: Writer) -> None:
        writer.write(raw)
        await writer.drain()
        await asyncio.sleep(0.02)
        if end is None:
            await reader.read()
        else:
            end(writer)

    return script


def close(writer: Writer) -> None:
    writer.close()


@contextmanager
def in_time() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < BOUND


def ask(gateway: RunningGateway, raw: bytes = GET) -> bytes:
    """All that a client gets, to the end of the answer or of the connection."""
    with connect(gateway.port) as client:
        client.sendall(raw)
        return read_answer(client)


NO_ANSWER: dict[str, tuple[Script, int]] = {
    "hangs up": (hang_up, 502),
    "resets": (reset, 502),
    "never answers": (fall_silent, 504),
    "half a head, then hangs up": (then(b"HTTP/1.1 200 OK\r\ncontent-le", close), 502),
    "half a head, then resets": (then(b"HTTP/1.1 200 OK\r\ncontent-le", abort), 502),
    "half a head, then silence": (then(b"HTTP/1.1 200 OK\r\ncontent-le", None), 504),
    "garbage": (then(b"\x16\x03\x01 this is no HTTP\r\n\r\n", close), 502),
    "a short body that is cut": (
        then(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", close),
        502,
    ),
    "a short body that stops": (
        then(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", None),
        504,
    ),
    "a negative length": (says(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"), 502),
    "two lengths": (
        says(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
        502,
    ),
    "only interim answers": (then(b"HTTP/1.1 103 Early Hints\r\n\r\n", close), 502),
}


@pytest.mark.parametrize("fault", NO_ANSWER)
def test_a_service_that_gives_no_answer(open_gateway: Open, services: Services, fault: str) -> None:
    script, status = NO_ANSWER[fault]
    services.shop.on("/cart", script)
    gateway = open_gateway(**(HASTE if status == 504 else {}))

    with nothing_left_behind(gateway, services), in_time():
        raw = ask(gateway)

    assert status_of(raw) == status
    assert b"application/problem+json" in raw or b"text/html" in raw


BROKEN_OFF: dict[str, Script] = {
    "chunks, then hangs up": then(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", close
    ),
    "chunks, then resets": then(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", abort
    ),
    "chunks, then silence": then(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", None
    ),
    "chunks, then garbage": then(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", None
    ),
    "a long body that is cut": then(
        b"HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n" + b"a" * 1000, close
    ),
    "a long body that stops": then(
        b"HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n" + b"a" * 1000, None
    ),
}


@pytest.mark.parametrize("fault", BROKEN_OFF)
def test_an_answer_that_breaks_off_is_cut_and_never_looks_whole(
    open_gateway: Open, services: Services, fault: str
) -> None:
    services.shop.on("/cart", BROKEN_OFF[fault])
    gateway = open_gateway(**HASTE)

    with nothing_left_behind(gateway, services), in_time(), connect(gateway.port) as client:
        client.sendall(GET)
        raw = b""
        with suppress(ConnectionResetError):
            while piece := client.recv(65536):
                raw += piece
        head, _, body = raw.partition(b"\r\n\r\n")

    assert not body.endswith(b"0\r\n\r\n")
    assert b"content-length" not in head.lower() or len(body) < 200_000


def test_a_service_that_answers_byte_by_byte_is_waited_for(
    open_gateway: Open, services: Services
) -> None:
    async def slowly(_: Seen, __: Reader, writer: Writer) -> None:
        for byte in answer(b"slow"):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.005)

    services.shop.on("/cart", slowly)
    gateway = open_gateway(read_timeout=20.0)

    with nothing_left_behind(gateway, services):
        raw = ask(gateway)

    assert status_of(raw) == 200
    assert raw.endswith(b"slow")


UPLOADS: dict[str, tuple[Callable[[Seen, Reader, Writer], Awaitable[None]], int]] = {
    "dies in the middle of an upload": (hang_up, 502),
    "resets in the middle of an upload": (reset, 502),
    "does not read the upload and says nothing": (fall_silent, 504),
}


@pytest.mark.parametrize("fault", UPLOADS)
def test_a_service_that_fails_in_the_middle_of_an_upload(
    open_gateway: Open, services: Services, fault: str
) -> None:
    script, status = UPLOADS[fault]
    services.shop.on("/cart", script)
    gateway = open_gateway(**(HASTE if status == 504 else {}))

    with nothing_left_behind(gateway, services), in_time(), connect(gateway.port) as client:
        client.sendall(POST + b"a" * 100_000)
        wait_until(lambda: services.shop.seen)
        if status == 504:
            client.sendall(b"a" * 100_000)
        raw = read_answer(client)

    assert status_of(raw) == status
    assert len(services.shop.seen) == 1  # what may have been done is not done again


def test_an_answer_before_the_end_of_the_upload_is_passed_on(
    open_gateway: Open, services: Services
) -> None:
    async def refuse(_: Seen, __: Reader, writer: Writer) -> None:
        writer.write(answer(b"no room", status="507 Insufficient Storage"))
        await writer.drain()
        writer.close()

    services.shop.on("/cart", refuse)
    gateway = open_gateway()

    with nothing_left_behind(gateway, services), in_time(), connect(gateway.port) as client:
        client.sendall(POST + b"a" * 100_000)
        raw = read_answer(client)

    assert status_of(raw) == 507
    assert raw.endswith(b"no room")


def test_a_port_that_is_closed(open_gateway: Open, services: Services) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        gateway = open_gateway(shop_url=f"http://127.0.0.1:{taken.getsockname()[1]}")

        with nothing_left_behind(gateway, services), in_time():
            raw = ask(gateway)

    assert status_of(raw) == 502


def test_a_port_that_drops_what_comes(open_gateway: Open, services: Services) -> None:
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for filler in (first, second):  # the queue is full: further SYNs are dropped
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        gateway = open_gateway(shop_url=f"http://127.0.0.1:{deaf.getsockname()[1]}", **HASTE)

        with nothing_left_behind(gateway, services), in_time():
            raw = ask(gateway)

    assert status_of(raw) == 504


def test_after_all_of_that_a_healthy_service_is_served_as_before(
    open_gateway: Open, services: Services
) -> None:
    gateway = open_gateway(**HASTE)
    for script, _ in NO_ANSWER.values():
        services.shop.on("/cart", script)
        ask(gateway)
    services.shop.scripts.clear()

    wait_until(lambda: get(f"{gateway.url}/cart").status_code == 200)  # the breaker has opened
    assert [get(f"{gateway.url}/cart").status_code for _ in range(5)] == [200] * 5
