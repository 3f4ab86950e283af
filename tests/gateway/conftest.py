"""A gateway in front of three scripted services, shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from gateway.settings import GatewaySettings
from tests.gateway.stage import PATIENCE, Loop, RunningGateway, Upstream

Open = Callable[..., RunningGateway]


@dataclass
class Services:
    """The three services behind the gateway."""

    auth: Upstream
    catalog: Upstream
    shop: Upstream


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    with closing(Loop()) as loop:
        yield loop


@pytest.fixture(scope="session")
def _standing(loop: Loop) -> Iterator[Services]:
    with ExitStack() as stack:
        names = ("auth", "catalog", "shop")
        yield Services(*(stack.enter_context(closing(Upstream(loop, name))) for name in names))


@pytest.fixture
def services(_standing: Services) -> Services:
    for each in (_standing.auth, _standing.catalog, _standing.shop):
        each.reset()
    return _standing


def settings_for(services: Services, **more: Any) -> GatewaySettings:
    wanted: dict[str, Any] = {
        "port": 0,
        "auth_url": services.auth.url,
        "catalog_url": services.catalog.url,
        "shop_url": services.shop.url,
        "hear_events": False,
        "read_contracts": False,
        "access_log": False,
    }
    return GatewaySettings(**(wanted | more))


@pytest.fixture(scope="session")
def _running(_standing: Services) -> Iterator[RunningGateway]:
    # What fails in one test must not keep the next from asking.
    with closing(RunningGateway(settings_for(_standing, breaker=False))) as gateway:
        yield gateway


@pytest.fixture
def gateway(_running: RunningGateway, services: Services) -> RunningGateway:
    """The usual gateway, with an empty cache. Its idle connections are gone with the services'."""
    _running.app.cache.purge(everything=True)
    return _running


@pytest.fixture
def open_gateway(services: Services) -> Iterator[Open]:
    """Opens a gateway with settings of its own."""
    with ExitStack() as stack:

        def open_with(**settings: Any) -> RunningGateway:
            return stack.enter_context(closing(RunningGateway(settings_for(services, **settings))))

        yield open_with


@pytest.fixture
def client(gateway: RunningGateway) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=gateway.url, timeout=PATIENCE, trust_env=False, verify=False
    ) as client:
        yield client
