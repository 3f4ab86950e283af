"""What arrives at a service, and what comes back to the client."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.gateway.conftest import Services
from tests.gateway.stage import (
    RunningGateway,
    Seen,
    answer,
    connect,
    says,
    status_of,
    talk,
)


def told(response: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    return body


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/api/auth/v1/users", "auth"),
        ("/account/login", "auth"),
        ("/oauth2/token", "auth"),
        ("/.well-known/openid-configuration", "auth"),
        ("/admin", "auth"),
        ("/admin/", "auth"),
        ("/admin/auth/users", "auth"),
        ("/api/shop/v1/cart", "shop"),
        ("/cart", "shop"),
        ("/cartoons", "catalog"),
        ("/admin/shop/orders", "shop"),
        ("/", "catalog"),
        ("/products/mug", "catalog"),
        ("/static/shared/site.css", "catalog"),
        ("/sitemap.xml", "catalog"),
    ],
)
def test_every_address_goes_to_its_service_unchanged(
    client: httpx.Client, services: Services, path: str, service: str
) -> None:
    response = client.get(path, params={"q": "a b", "empty": ""})

    assert told(response)["target"] == f"{path}?q=a+b&empty="
    assert len(getattr(services, service).seen) == 1


@pytest.mark.parametrize("path", ["/internal", "/internal/v1/session-tokens", "/%69nternal/v1"])
def test_internal_addresses_do_not_exist_outside(client: httpx.Client, path: str) -> None:
    response = client.post(path, json={})

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods_and_bodies_arrive(client: httpx.Client, method: str) -> None:
    response = client.request(method, "/api/shop/v1/cart", content=b"x" * 1000)

    assert (told(response)["method"], told(response)["length"]) == (method, 1000)


def test_head_has_the_length_but_no_body(client: httpx.Client, services: Services) -> None:
    services.catalog.on("/products/mug", says(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n"))

    responses = [client.head("/products/mug"), client.head("/products/mug")]

    assert [each.headers["content-length"] for each in responses] == ["5000", "5000"]
    assert services.catalog.connections == 1


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_answers_without_body_leave_the_connection_usable(
    client: httpx.Client, services: Services, status: str
) -> None:
    services.catalog.on("/nothing", says(f'HTTP/1.1 {status}\r\netag: "a"\r\n\r\n'.encode()))

    statuses = [client.get(path).status_code for path in ("/nothing", "/", "/nothing")]

    assert statuses == [int(status[:3]), 200, int(status[:3])]
    assert services.catalog.connections == 1


def test_interim_answers_are_skipped(client: httpx.Client, services: Services) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n"
    services.catalog.on("/early", says(early + answer(b"done", "x-kind: final")))

    response = client.get("/early")

    assert (response.status_code, response.text) == (200, "done")
    assert "link" not in response.headers


def test_an_answer_until_the_end_of_the_connection_is_whole(
    client: httpx.Client, services: Services
) -> None:
    async def script(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nto the end")
        await writer.drain()
        writer.close()

    services.catalog.on("/until-close", script)

    response = client.get("/until-close")

    assert response.text == "to the end"


def test_pipelined_requests_are_answered_in_order(gateway: RunningGateway) -> None:
    with connect(gateway.port) as client:
        client.sendall(b"".join(b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n" % n for n in range(3)))
        got = b""
        while got.count(b'"target"') < 3:
            got += client.recv(65536)

    assert [got.index(b'"/%d"' % n) for n in range(3)] == sorted(
        got.index(b'"/%d"' % n) for n in range(3)
    )


def test_http_1_0_clients_get_a_length_instead_of_chunks(
    gateway: RunningGateway, services: Services
) -> None:
    async def script(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(b"3\r\ndef\r\n0\r\n\r\n")

    services.catalog.on("/", script)

    raw = talk(gateway.port, b"GET / HTTP/1.0\r\nhost: a\r\n\r\n")

    assert b"content-length: 6" in raw
    assert b"chunked" not in raw
    assert raw.endswith(b"abcdef")


def test_a_body_with_an_upgrade_offer_still_arrives(
    gateway: RunningGateway, services: Services
) -> None:
    raw = talk(
        gateway.port,
        b"POST /api/shop/v1/x HTTP/1.1\r\nhost: a\r\nconnection: Upgrade, HTTP2-Settings\r\n"
        b"upgrade: h2c\r\nhttp2-settings: AAMAAABk\r\ncontent-length: 3\r\n\r\nabc",
    )

    assert status_of(raw) == 200
    assert services.shop.seen[0].body == b"abc"


def test_connections_are_reused(client: httpx.Client, services: Services) -> None:
    for _ in range(5):
        client.get("/")

    assert services.catalog.connections == 1
