"""Two gateways that count together in Redis, seen by their clients; and what they see without it."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.gateway.redis_server import Server, need_redis
from tests.gateway.stage import RunningGateway, wait_until

need_redis()

Open = Callable[..., RunningGateway]
ROUTES = """
[limits.hour]
quota = 40
window = 36000

[[routes]]
prefix = "/"
service = "catalog"
limits = ["hour"]
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def two(open_gateway: Open, server: Server, tmp_path: Path) -> tuple[RunningGateway, ...]:
    routes = tmp_path / "routes.toml"
    routes.write_text(ROUTES)
    settings = {"routes_file": str(routes), "limits_url": server.url, "limits_timeout": 10.0}
    return tuple(open_gateway(**settings) for _ in range(2))


def crowd(gateways: tuple[RunningGateway, ...], count: int) -> Counter[int]:
    """The statuses of so many requests, eight at a time, the gateways taking turns."""
    with httpx.Client(trust_env=False, timeout=30.0) as client, ThreadPoolExecutor(8) as pool:
        urls = [f"{gateways[n % len(gateways)].url}/products" for n in range(count)]
        return Counter(each.status_code for each in pool.map(client.get, urls))


def test_clients_of_two_gateways_have_one_quota(two: tuple[RunningGateway, ...]) -> None:
    assert crowd(two, 120) == {200: 40, 429: 80}


def test_without_redis_everybody_is_answered_and_nobody_gets_more_than_one_quota_each(
    two: tuple[RunningGateway, ...], server: Server
) -> None:
    crowd(two, 20)
    server.process.send_signal(signal.SIGKILL)

    statuses = crowd(two, 200)

    assert set(statuses) == {200, 429}
    assert statuses[200] <= 2 * 40 - 20
    wait_until(lambda: all(each.app.limits.degraded for each in two))

    server.process.wait()
    server.socket.unlink(missing_ok=True)
    server.start()
    wait_until(lambda: not any(each.app.limits.degraded for each in two))
    assert crowd(two, 40) == {429: 40}
