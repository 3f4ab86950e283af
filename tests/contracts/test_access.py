"""What a service's OpenAPI says about who may call an operation is what the service does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from deploy.contracts import SERVICES, openapi_of
from shared.http.access import PERMISSIONS, WAYS_IN
from shared.service import Service
from shared.testing import bearer, client_of
from shared.testing.access import public_keys
from shared.tokens import KeySource


@dataclass(frozen=True)
class Operation:
    """One line of a service's API."""

    method: str
    path: str
    says: dict[str, Any]

    @property
    def wants_somebody(self) -> bool:
        """Whether strangers are refused."""
        return bool(self.says["security"]) and {} not in self.says["security"]

    def call(self, client: TestClient, prefix: str, **headers: str) -> int:
        """The status, for an address that is well-formed and a body that is not."""
        path = re.sub(r"\{[^}]+\}", str(uuid4()), prefix + self.path)
        return client.request(self.method, path, headers=headers).status_code


def operations(service: Service) -> Iterator[Operation]:
    for path, item in openapi_of(service)["paths"].items():
        for method, says in item.items():
            yield Operation(method.upper(), path, says)


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest, platform: list[Service]) -> Service:
    found = next(each for each in platform if each.name == request.param)
    found.key_source = KeySource(public_keys)
    return found


def test_every_operation_says_who_may_call_it(service: Service) -> None:
    known = set(WAYS_IN)

    for each in operations(service):
        named = {name for way in each.says["security"] for name in way}
        assert named <= known, each
        assert each.wants_somebody or PERMISSIONS not in each.says, each


def test_the_ways_in_that_operations_name_are_described(service: Service) -> None:
    assert openapi_of(service)["components"]["securitySchemes"] == WAYS_IN


def test_strangers_are_refused_exactly_where_the_document_says_so(service: Service) -> None:
    client = client_of(service)
    wanting = [each for each in operations(service) if each.wants_somebody]

    statuses = {
        (each.path, each.method): each.call(client, f"/api/{service.name}") for each in wanting
    }

    assert wanting
    assert set(statuses.values()) == {401}, statuses


def test_who_lacks_a_permission_is_refused_where_the_document_names_one(service: Service) -> None:
    client = client_of(service)
    if service.name == "auth":
        pytest.skip("auth looks into its database before it says anything else")
    wanting = [each for each in operations(service) if PERMISSIONS in each.says]

    for each in wanting:
        status = each.call(client, f"/api/{service.name}", **bearer(service, permissions=["x.y"]))
        assert status == 403, each
