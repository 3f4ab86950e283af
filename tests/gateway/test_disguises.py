"""An address in disguise is judged by what the service will see."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.proxy.edge.headers import Head
from gateway.proxy.identity.authorise import Authoriser
from gateway.proxy.routing.route import Route
from gateway.refusals import Refused
from tests.gateway.conftest import Services
from tests.gateway.stage import RunningGateway, status_of, talk
from tests.gateway.test_authorising import reading

__all__ = ["reading"]  # a fixture


@pytest.mark.parametrize("path", ["/%61pi/shop/v1/orders", "/ap%69/shop/%761/orders/Q7"])
def test_an_escaped_letter_lets_nobody_pass_the_contract(
    reading: RunningGateway, services: Services, path: str
) -> None:  # RFC 3986, section 6.2.2.2
    answered = talk(reading.port, f"GET {path} HTTP/1.1\r\nhost: a\r\n\r\n".encode())

    assert status_of(answered) == 401
    assert services.shop.seen == []


@pytest.mark.parametrize("path", [b"/api/shop/v1/bus", b"/%61pi/shop/v1/bus"])
def test_admin_operations_are_closed_without_a_contract_however_they_are_spelt(path: bytes) -> None:
    class Asked:
        """As much of a request as is looked at."""

        head = Head("GET", path, "127.0.0.1", [])
        route = Route("/api/shop/v1/bus", "shop", admin=True)

    authoriser: Any = Authoriser({})

    with pytest.raises(Refused) as refused:
        authoriser.check(Asked())
    assert refused.value.status == 503
