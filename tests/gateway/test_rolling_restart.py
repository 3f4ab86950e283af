"""Restarts under load, of services and of the gateway itself: nobody notices."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.gateway.conftest import Services
from tests.gateway.load import load
from tests.gateway.stage import RunningGateway, connect, wait_until
from tests.listening import listening_ports
from tests.ports import free_ports

Open = Callable[..., RunningGateway]
SERVICE = Path(__file__).with_name("rolling_service.py")
PATIENCE = 90.0


def answers(port: int) -> bool:
    with suppress(OSError), connect(port):
        return True
    return False


@contextmanager
def process(*words: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process that is gone afterwards, whatever it takes."""
    with subprocess.Popen(
        [sys.executable, *words],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        try:
            yield running
        finally:
            if running.poll() is None:
                running.kill()


def a_service(stack: ExitStack, port: int) -> subprocess.Popen[bytes]:
    """A replica that answers."""
    running = stack.enter_context(process(str(SERVICE), str(port)))
    wait_until(lambda: listening_ports(running.pid), PATIENCE)
    return running


def a_gateway(stack: ExitStack, port: int, services: Services) -> subprocess.Popen[bytes]:
    """A gateway that listens on a port that others may have, too."""
    running = stack.enter_context(
        process(
            "-m", "gateway", "run",
            GATEWAY_PORT=str(port),
            GATEWAY_REUSE_PORT="1",
            GATEWAY_DRAIN_SECONDS="0.5",
            GATEWAY_HEAR_EVENTS="0",
            GATEWAY_ACCESS_LOG="0",
            GATEWAY_SHOP_URL=services.shop.url,
        )
    )  # fmt: skip
    wait_until(lambda: listening_ports(running.pid), PATIENCE)
    return running


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_replicas_are_restarted_one_after_the_other_and_no_request_fails(
    open_gateway: Open, end: signal.Signals
) -> None:
    ports = free_ports(2)
    with ExitStack() as stack:
        running = [a_service(stack, port) for port in ports]
        gateway = open_gateway(shop_url=",".join(f"http://127.0.0.1:{port}" for port in ports))

        with load(gateway.port) as clients:
            for at, port in enumerate(ports):
                time.sleep(0.3)
                running[at].send_signal(end)
                running[at].wait(PATIENCE)
                time.sleep(0.3)
                running[at] = a_service(stack, port)

    assert clients.failed == {}
    assert clients.outcomes["200"] > 100
    assert len(clients.bodies) >= 3


@pytest.mark.parametrize("times", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_a_new_gateway_takes_over_from_an_old_one_and_no_request_fails(
    services: Services, times: int
) -> None:
    (port,) = free_ports()
    with ExitStack() as stack:
        old = a_gateway(stack, port, services)
        with load(port, clients=3) as clients:
            for _ in range(times):
                new = a_gateway(stack, port, services)
                time.sleep(0.2)
                old.send_signal(signal.SIGTERM)
                assert old.wait(PATIENCE) is not None
                time.sleep(0.2)
                old = new

    assert clients.failed == {}
    assert clients.outcomes["200"] > 100
