"""The catalog as real processes: one more, one less, a new gateway; shoppers notice nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.gateway.conftest import Services
from tests.gateway.stage import RunningGateway, get, wait_until
from tests.gateway.test_discovery import shoppers, states
from tests.ports import free_ports

pytestmark = pytest.mark.slow

Open = Callable[..., RunningGateway]

PRODUCTS = "/api/catalog/v1/products"
PATIENT = 90.0


@contextmanager
def catalog(folder: Path, port: int, word: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the catalog; all of them share a database and the bus."""
    environment = os.environ | {"QUINTET_VAR": str(folder), "CATALOG_PORT": str(port)}
    command = [sys.executable, "-m", "catalog_service", word]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def is_ready(port: int) -> bool:
    try:
        return get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_replicas_come_and_go_and_a_new_gateway_learns_of_them_at_once(
    open_gateway: Open, services: Services, tmp_path: Path
) -> None:
    first, second = free_ports(2)
    urls = [f"http://127.0.0.1:{port}" for port in (first, second)]
    known = {
        "catalog_url": urls[0], "hear_events": True, "check_every": 0.2,
        "bus_url": f"embedded:{tmp_path}/bus.db",
    }  # fmt: skip
    with catalog(tmp_path, first, "run"):
        wait_until(lambda: is_ready(first), PATIENT)
        gateway = open_gateway(**known)
        wait_until(lambda: get(f"{gateway.url}{PRODUCTS}?limit=1").status_code == 200, PATIENT)
        with (
            shoppers(gateway, f"{PRODUCTS}?limit=1") as failed,
            catalog(tmp_path, second, "serve") as other,
        ):
            wait_until(lambda: states(gateway).get(urls[1]) == "fit", PATIENT)
            newcomer = open_gateway(**known)
            wait_until(lambda: states(newcomer).get(urls[1]) == "fit", PATIENT)
            other.send_signal(signal.SIGTERM)
            assert other.wait(PATIENT) == 0
            wait_until(lambda: urls[1] not in states(gateway), PATIENT)

        assert failed == []
        assert states(gateway) == {urls[0]: "fit"}


def test_a_replica_that_is_killed_costs_no_shopper_an_answer(
    open_gateway: Open, services: Services, tmp_path: Path
) -> None:
    first, second = free_ports(2)
    urls = [f"http://127.0.0.1:{port}" for port in (first, second)]
    with catalog(tmp_path, first, "run"):
        wait_until(lambda: is_ready(first), PATIENT)
        with catalog(tmp_path, second, "serve") as other:
            wait_until(lambda: is_ready(second), PATIENT)
            gateway = open_gateway(catalog_url=",".join(urls), check_every=0.2)
            with shoppers(gateway, f"{PRODUCTS}?limit=1") as failed:
                wait_until(lambda: gateway.app.pools["catalog"].replicas[1].pool.opened, PATIENT)
                other.kill()
                wait_until(lambda: states(gateway)[urls[1]] in ("down", "ejected"), PATIENT)

    assert failed == []
