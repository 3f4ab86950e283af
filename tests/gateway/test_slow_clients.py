"""Clients that take their time: nobody may hold the gateway, or a service behind it, for long."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.gateway.conftest import Open, Services
from tests.gateway.raw import noting
from tests.gateway.stage import (
    PATIENCE,
    Seen,
    answer,
    connect,
    get,
    says,
    status_of,
    talk,
    wait_until,
)

POST = b"POST /cart HTTP/1.1\r\nhost: a\r\n"


def trickle(port: int, head: bytes, drop: bytes, every: float, seconds: float) -> bytes:
    """Send a drop now and then; returns what comes back before the end, at most after `seconds`."""
    got, deadline = b"", time.monotonic() + seconds
    with connect(port) as client:
        client.sendall(head)
        client.settimeout(every)
        while time.monotonic() < deadline:
            try:
                data = client.recv(65536)
                got += data
                if not data:
                    return got
            except TimeoutError:
                pass
            except ConnectionError:
                return got
            try:
                client.sendall(drop)
            except ConnectionError:
                time.sleep(0.05)
    raise AssertionError(f"it went on for {seconds} s")


@pytest.mark.parametrize(
    "drop", [b"x", b"x: y\r\n", b"\r\n"], ids=["a letter", "a line", "a blank line"]
)
def test_a_head_that_trickles_has_its_time(open_gateway: Open, drop: bytes) -> None:
    gateway = open_gateway(head_timeout=0.5)
    start = b"" if drop == b"\r\n" else b"GET / HTTP/1.1\r\nhost: a\r\n" + drop[:1]

    got = trickle(gateway.port, start, drop, every=0.05, seconds=PATIENCE)

    assert status_of(got) in {400, 408}


@pytest.mark.parametrize(
    ("framing", "drop"),
    [(b"content-length: 100000\r\n", b"x"), (b"transfer-encoding: chunked\r\n", b"1\r\nx\r\n")],
)
def test_a_body_that_trickles_is_given_up(
    open_gateway: Open, services: Services, framing: bytes, drop: bytes
) -> None:
    """A byte before every timeout would do without a minimum rate."""
    whole: list[bytes] = []
    services.shop.on("/cart", noting(whole))
    gateway = open_gateway(body_timeout=0.5, body_rate=1000)

    got = trickle(gateway.port, POST + framing + b"\r\n" + drop, drop, every=0.1, seconds=PATIENCE)

    assert status_of(got) == 408
    assert b"connection: close" in got
    assert whole == []
    wait_until(lambda: services.shop.open == 0)
    wait_until(lambda: not gateway.app.clock.in_flight)


def test_a_body_that_comes_slowly_but_steadily_arrives(
    open_gateway: Open, services: Services
) -> None:
    whole: list[bytes] = []
    services.shop.on("/cart", noting(whole))
    gateway = open_gateway(body_timeout=0.5, body_rate=1000)

    with connect(gateway.port) as client:
        client.sendall(POST + b"content-length: 12000\r\n\r\n")
        for _ in range(12):
            client.sendall(b"x" * 1000)
            time.sleep(0.1)
        got = client.recv(65536)

    assert status_of(got) == 200
    assert whole == [b"x" * 12000]


def test_a_service_that_reads_slowly_is_not_the_clients_fault(
    open_gateway: Open, services: Services
) -> None:
    async def slowly(_: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1.2)
        left = 4_000_000
        while left:
            left -= len(await reader.read(1 << 20))
        writer.write(answer(b"ok"))

    services.shop.on("/checkout", slowly)
    gateway = open_gateway(body_timeout=2, body_rate=4_000_000)
    body = b"x" * 4_000_000
    raw = b"POST /checkout HTTP/1.1\r\nhost: a\r\ncontent-length: 4000000\r\n\r\n" + body

    assert status_of(talk(gateway.port, raw)) == 200


def test_a_client_that_never_reads_is_cut_and_the_service_let_go(
    open_gateway: Open, services: Services
) -> None:
    async def endless(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            await writer.drain()

    services.shop.on("/cart", endless)
    gateway = open_gateway(write_timeout=0.5)

    with connect(gateway.port) as client:
        client.sendall(b"GET /cart HTTP/1.1\r\nhost: a\r\n\r\n")
        wait_until(lambda: services.shop.open == 1)
        wait_until(lambda: services.shop.open == 0)

    wait_until(lambda: not gateway.app.clock.in_flight)


def test_others_are_served_meanwhile(open_gateway: Open, services: Services) -> None:
    services.shop.on("/cart", says(answer(b"ok")))
    gateway = open_gateway(head_timeout=5, body_timeout=5, pool_size=4, pool_queue=0)

    slow = [connect(gateway.port) for _ in range(100)]
    for number, client in enumerate(slow):
        client.sendall(b"GET /cart HT" if number % 2 else POST + b"content-length: 9\r\n\r\n")
    statuses = [get(gateway.url + "/cart").status_code for _ in range(20)]
    for client in slow:
        client.close()

    assert statuses == [200] * 20


def test_clients_that_read_slowly_leave_places_for_others(
    open_gateway: Open, services: Services
) -> None:
    async def large(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
        for _n in range(1000):
            writer.write(b"x" * 100_000)
            await writer.drain()

    services.shop.on("/orders/large", large)
    services.shop.on("/cart", says(answer(b"ok")))
    gateway = open_gateway(pool_size=4, pool_queue=0)
    slow = []
    for _ in range(12):
        client = connect(gateway.port)
        client.sendall(b"GET /orders/large HTTP/1.1\r\nhost: a\r\n\r\n")
        assert status_of(client.recv(100)) == 200
        time.sleep(0.05)
        slow.append(client)

    statuses = [get(gateway.url + "/cart").status_code for _ in range(5)]
    for client in slow:
        client.close()

    assert statuses == [200] * 5
    wait_until(lambda: not gateway.app.clock.in_flight)
    wait_until(lambda: services.shop.open <= 2)


def test_clients_that_send_slowly_leave_places_for_others(
    open_gateway: Open, services: Services
) -> None:
    services.shop.on("/cart", says(answer(b"ok")))
    gateway = open_gateway(pool_size=4, pool_queue=0)
    slow = []
    for number in range(1, 13):
        client = connect(gateway.port)
        client.sendall(POST + b"content-length: 9\r\n\r\nx")
        wait_until(lambda number=number: len(services.shop.seen) == number)  # type: ignore[misc]
        slow.append(client)

    statuses = [get(gateway.url + "/cart").status_code for _ in range(5)]
    for client in slow:
        client.close()

    assert statuses == [200] * 5
    wait_until(lambda: not gateway.app.clock.in_flight)
