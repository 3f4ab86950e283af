"""Services that fail, or have too much to do, are left alone; seen from both sides."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.gateway.conftest import Services
from tests.gateway.counting import held, nothing_left_behind
from tests.gateway.stage import (
    PATIENCE,
    RunningGateway,
    Seen,
    answer,
    connect,
    get,
    says,
    tell,
    wait_until,
)

Open = Callable[..., RunningGateway]
BROKEN = says(answer(b"no", status="503 Service Unavailable"))


def hammer(gateway: RunningGateway, times: int, path: str = "/cart") -> list[httpx.Response]:
    with ThreadPoolExecutor(8) as clients:
        return list(clients.map(get, [f"{gateway.url}{path}"] * times))


def test_a_service_that_only_fails_is_asked_no_more_and_clients_are_told_at_once(
    open_gateway: Open, services: Services
) -> None:
    services.shop.on("/cart", BROKEN)
    gateway = open_gateway(breaker_seconds=30)

    hammer(gateway, 30)
    services.shop.seen.clear()
    refused = get(f"{gateway.url}/cart")

    assert refused.status_code == 503
    assert refused.json()["type"].endswith("upstream-resting")
    assert 0 < int(refused.headers["retry-after"]) <= 30
    assert "error=destination_unavailable" in refused.headers["proxy-status"]
    assert services.shop.seen == []


def test_other_services_are_not_concerned(open_gateway: Open, services: Services) -> None:
    services.shop.on("/cart", BROKEN)
    gateway = open_gateway(breaker_seconds=30)

    hammer(gateway, 30)

    assert get(f"{gateway.url}/").status_code == 200


def test_a_few_probes_find_out_that_it_is_well_again(
    open_gateway: Open, services: Services
) -> None:
    services.shop.on("/cart", BROKEN)
    gateway = open_gateway(breaker_seconds=0.3)
    hammer(gateway, 30)

    services.shop.scripts.clear()
    wait_until(lambda: get(f"{gateway.url}/cart").status_code == 200)
    wait_until(lambda: {each.status_code for each in hammer(gateway, 8)} == {200})

    assert held(gateway).admitted == 0


def test_a_service_that_answers_404_or_500_is_not_left_alone(
    open_gateway: Open, services: Services
) -> None:
    services.shop.on("/cart", says(answer(b"bug", status="500 Internal Server Error")))
    services.shop.on("/orders", says(answer(b"no", status="404 Not Found")))
    gateway = open_gateway(breaker_seconds=30)

    hammer(gateway, 40)
    hammer(gateway, 40, "/orders")

    assert gateway.app.gates["shop"].breaker.opened == 0


def test_a_service_that_says_when_to_come_back_protects_itself(
    open_gateway: Open, services: Services
) -> None:
    busy = answer(b"busy", "retry-after: 7", status="503 Service Unavailable")
    services.shop.on("/cart", says(busy))
    gateway = open_gateway(breaker_seconds=30)

    answers = hammer(gateway, 40)

    assert {each.text for each in answers} == {"busy"}
    assert gateway.app.gates["shop"].breaker.opened == 0


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 900000\r\n\r\nabc"])
def test_a_service_that_keeps_everybody_waiting_is_left_alone(
    open_gateway: Open, services: Services, begun: bytes
) -> None:
    async def stall(_: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        await reader.read()

    services.shop.on("/cart", stall)
    gateway = open_gateway(breaker_seconds=30, read_timeout=0.3)

    with nothing_left_behind(gateway, services), ThreadPoolExecutor(25) as clients:
        list(clients.map(lambda _: status_or_cut(gateway), range(25)))

    assert gateway.app.gates["shop"].breaker.opened == 1


def status_or_cut(gateway: RunningGateway) -> int:
    try:
        return get(f"{gateway.url}/cart").status_code
    except httpx.RemoteProtocolError:
        return 0


def test_clients_that_leave_or_are_in_a_hurry_open_no_breaker(
    open_gateway: Open, services: Services
) -> None:
    async def slow(_: Seen, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await reader.read()

    services.shop.on("/cart", slow)
    gateway = open_gateway(breaker_seconds=30)
    with nothing_left_behind(gateway, services):
        for _ in range(30):
            with connect(gateway.port) as client:
                client.sendall(b"GET /cart HTTP/1.1\r\nhost: a\r\n\r\n")
        wait_until(lambda: not held(gateway).in_flight)
        with ThreadPoolExecutor(30) as clients:
            hurry = {"x-request-timeout-ms": "50"}
            told = list(clients.map(lambda _: get(f"{gateway.url}/cart", **hurry), range(30)))

    assert {each.status_code for each in told} == {504}
    assert gateway.app.gates["shop"].breaker.opened == 0


def test_more_than_a_service_can_bear_wait_a_moment_and_are_told_to_come_back(
    open_gateway: Open, services: Services
) -> None:
    go_on = threading.Event()

    async def slow(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not go_on.is_set():
            await asyncio.sleep(0.01)
        await tell(seen, reader, writer)

    services.shop.on("/cart", slow)
    gateway = open_gateway(adaptive_least=2, adaptive_most=2, shed_queue=2, shed_timeout=0.3)
    with nothing_left_behind(gateway, services), ThreadPoolExecutor(8) as clients:
        asking = [clients.submit(get, f"{gateway.url}/cart") for _ in range(6)]
        wait_until(lambda: sum(each.done() for each in asking) == 4)
        go_on.set()
        answers = [each.result() for each in asking]

    assert sorted(each.status_code for each in answers) == [200, 200, 503, 503, 503, 503]
    refused = next(each for each in answers if each.status_code == 503)
    assert refused.headers["retry-after"] == "1"
    assert "error=connection_limit_reached" in refused.headers["proxy-status"]


def test_whoever_waits_is_served_when_there_is_room(open_gateway: Open, services: Services) -> None:
    async def slow(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.02)
        await tell(seen, reader, writer)

    services.shop.on("/cart", slow)
    gateway = open_gateway(adaptive_least=2, adaptive_most=2, shed_timeout=PATIENCE)

    assert {each.status_code for each in hammer(gateway, 24)} == {200}


def test_streams_of_events_take_nobodys_place(open_gateway: Open, services: Services) -> None:
    async def follow(_: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: x\n\n")
        await reader.read()

    services.shop.on("/orders", follow)
    gateway = open_gateway(adaptive_least=1, adaptive_most=1, shed_queue=0)

    with connect(gateway.port) as one, connect(gateway.port) as two:
        for each in (one, two):
            each.sendall(b"GET /orders HTTP/1.1\r\nhost: a\r\n\r\n")
            assert b"text/event-stream" in each.recv(1000)
        response = get(f"{gateway.url}/cart")

    assert response.status_code == 200


def test_all_of_it_can_be_switched_off(open_gateway: Open, services: Services) -> None:
    services.shop.on("/cart", BROKEN)
    gateway = open_gateway(breaker=False, adaptive=False, retry_share=0)

    hammer(gateway, 60)

    assert len(services.shop.seen) == 60
