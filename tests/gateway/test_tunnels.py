"""A tunnel between the sockets of a client and a service: order, halves, pressure, and places."""

from __future__ import annotations

import asyncio
import time

from tests.gateway.conftest import Open, Services
from tests.gateway.stage import (
    RunningGateway,
    Seen,
    answer,
    connect,
    says,
    status_of,
    wait_until,
)
from tests.gateway.stage import (
    get as get_page,
)
from tests.gateway.test_handshakes import AGREED, opened, shake


def test_bytes_sent_before_the_answer_reach_the_service_after_the_handshake(
    gateway: RunningGateway, services: Services
) -> None:
    heard: list[bytes] = []

    async def slow(_: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        assert not reader._buffer  # type: ignore[attr-defined]
        writer.write(AGREED + b"\x81\x02hi")
        heard.append(await reader.readexactly(6))

    services.shop.on("/orders/live", slow)

    with connect(gateway.port) as client:
        client.sendall(shake() + b"\x81\x80")
        client.sendall(b"mask")
        got = b""
        while not got.endswith(b"\x81\x02hi"):
            got += client.recv(1000)
        wait_until(lambda: heard == [b"\x81\x80mask"])


def test_each_half_of_a_tunnel_can_be_closed_by_itself(
    gateway: RunningGateway, services: Services
) -> None:
    async def last_words(
        _: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(AGREED)
        await reader.read()
        writer.write(b"\x81\x03bye")

    services.shop.on("/orders/live", last_words)

    with connect(gateway.port) as client:
        client.sendall(shake())
        assert status_of(client.recv(1000)) == 101
        client.shutdown(1)
        got = client.recv(1000)

    assert got == b"\x81\x03bye"


def test_a_gateway_stops_in_good_order_when_one_half_of_a_tunnel_is_closed(
    open_gateway: Open, services: Services
) -> None:
    heard: list[bytes] = []

    async def listen_on(
        _: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(AGREED)
        heard.append(await reader.read())
        while not writer.transport.is_closing():  # noqa: ASYNC110 - it has nothing to say
            await asyncio.sleep(0.005)

    services.shop.on("/orders/live", listen_on)
    gateway = open_gateway(stop_timeout=1)

    with connect(gateway.port) as client:
        client.sendall(shake())
        assert status_of(client.recv(1000)) == 101
        client.shutdown(1)
        wait_until(lambda: heard == [b""])
        gateway.close()

        assert client.recv(1000) == b"\x88\x02\x03\xe9"  # RFC 6455, section 7.4.1: going away


def test_neither_side_of_a_tunnel_can_flood_the_other(
    gateway: RunningGateway, services: Services
) -> None:
    sent = 0

    async def flood(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(AGREED)
        while sent < 64 * 1024 * 1024:
            writer.write(b"\x82\x7f" + (65536).to_bytes(8, "big") + b"x" * 65536)
            await writer.drain()
            sent += 65536

    services.shop.on("/orders/live", flood)

    with connect(gateway.port) as client:
        client.sendall(shake())
        wait_until(lambda: sent)
        before = -1
        while before != sent:
            before = sent
            time.sleep(0.3)

    assert 0 < sent < 32 * 1024 * 1024


def test_tunnels_take_no_place_from_requests(open_gateway: Open, services: Services) -> None:
    services.shop.on("/orders/live", says(AGREED))
    services.shop.on("/cart", says(answer(b"ok")))
    gateway = open_gateway(pool_size=2, pool_queue=0)

    clients = [connect(gateway.port) for _ in range(5)]
    for client in clients:
        client.sendall(shake())
        assert status_of(client.recv(1000)) == 101
    status = get_page(gateway.url + "/cart").status_code
    for client in clients:
        client.close()

    assert status == 200
    wait_until(lambda: not gateway.app.tunnels.open)


def test_last_words_arrive_although_the_other_side_still_speaks(
    gateway: RunningGateway, services: Services
) -> None:
    """RFC 9112, section 9.6: a reset would take them away."""

    async def hang_up(_: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(AGREED)
        await reader.readexactly(1000)
        writer.write(b"\x88\x02\x03\xea")
        writer.write_eof()
        while await reader.read(65536):
            pass

    services.shop.on("/orders/live", hang_up)

    for _ in range(5):
        with connect(gateway.port) as client:
            client.sendall(shake())
            assert status_of(client.recv(1000)) == 101
            client.sendall(b"x" * 2_000_000)
            time.sleep(0.1)
            got = b""
            while piece := client.recv(1000):
                got += piece
        assert got == b"\x88\x02\x03\xea"


def test_streams_for_which_is_no_room_are_refused_and_requests_are_not(
    open_gateway: Open, services: Services
) -> None:
    async def events(_: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: x\n\n")
        await reader.read()

    services.shop.on("/orders/live", says(AGREED))
    services.shop.on("/orders/events", events)
    services.shop.on("/cart", says(answer(b"ok")))
    gateway = open_gateway(most_streams=2)
    follow = b"GET /orders/events HTTP/1.1\r\nhost: a\r\n\r\n"

    clients, statuses = [], []
    for raw in (follow, shake(), follow, shake()):
        client = connect(gateway.port)
        client.sendall(raw)
        statuses.append(status_of(client.recv(1000)))
        clients.append(client)
    statuses.append(get_page(gateway.url + "/cart").status_code)
    for client in clients:
        client.close()
    wait_until(lambda: gateway.app.tunnels.lasting.open == 0)

    assert statuses == [200, 101, 503, 503, 200]
    assert opened(gateway, shake()) == 101


def test_streams_leave_a_connection_to_those_who_ask_and_go(
    open_gateway: Open, services: Services
) -> None:
    services.shop.on("/orders/live", says(AGREED))
    services.shop.on("/cart", says(answer(b"ok")))
    gateway = open_gateway(most_connections=3)

    with connect(gateway.port) as one, connect(gateway.port) as two:
        for client in (one, two):
            client.sendall(shake())
            assert status_of(client.recv(1000)) == 101
        third = opened(gateway, shake())
        page = get_page(gateway.url + "/cart").status_code

    assert (third, page) == (503, 200)
