"""The only replica of a service is restarted: who asks meanwhile waits a moment, and is answered."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.gateway.conftest import Services
from tests.gateway.counting import held, nothing_left_behind
from tests.gateway.stage import PATIENCE, RunningGateway, answer, connect, get, wait_until

Open = Callable[..., RunningGateway]


@pytest.fixture
def away() -> Iterator[socket.socket]:
    """A port that takes no connection until somebody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.settimeout(PATIENCE)
        yield bound


def a_gateway(open_gateway: Open, away: socket.socket, *, said: bool) -> RunningGateway:
    """In front of a shop that is away, and has `said` so or not."""
    gateway = open_gateway(shop_url=f"http://127.0.0.1:{away.getsockname()[1]}")
    (replica,) = gateway.app.reach.clusters["shop"].replicas
    replica.gone = said
    return gateway


def test_a_request_waits_for_a_replica_that_said_it_would_be_gone(
    open_gateway: Open, away: socket.socket
) -> None:
    gateway = a_gateway(open_gateway, away, said=True)

    with ThreadPoolExecutor(1) as clients:
        asking = clients.submit(get, f"{gateway.url}/cart")
        time.sleep(0.4)
        waited = not asking.done()
        away.listen()
        connection, _ = away.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer(b"back"))
            response = asking.result()

    assert waited
    assert (response.status_code, response.text) == (200, "back")


def test_a_replica_that_said_nothing_is_away_and_nobody_waits(
    open_gateway: Open, away: socket.socket
) -> None:
    gateway = a_gateway(open_gateway, away, said=False)
    began = time.monotonic()

    assert get(f"{gateway.url}/cart").status_code == 502
    assert time.monotonic() - began < 3


def test_nobody_waits_longer_than_it_has_time(open_gateway: Open, away: socket.socket) -> None:
    gateway = a_gateway(open_gateway, away, said=True)

    response = get(f"{gateway.url}/cart", **{"x-request-timeout-ms": "300"})

    assert response.status_code == 504


def test_a_client_that_leaves_meanwhile_leaves_nothing_behind(
    open_gateway: Open, services: Services, away: socket.socket
) -> None:
    gateway = a_gateway(open_gateway, away, said=True)

    with nothing_left_behind(gateway, services):
        with connect(gateway.port) as client:
            client.sendall(b"GET /cart HTTP/1.1\r\nhost: a\r\n\r\n")
            wait_until(lambda: held(gateway).in_flight)
        wait_until(lambda: not held(gateway).in_flight)
