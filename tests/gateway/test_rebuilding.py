"""Which header fields reach a service, and which come back."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.gateway.conftest import Services
from tests.gateway.stage import RunningGateway, answer, connect, read_answer, says, status_of, talk


def test_trailers_are_dropped(client: httpx.Client, services: Services) -> None:
    body = b"3\r\nabc\r\n0\r\nx-user: root\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-user\r\n\r\n"
    services.catalog.on("/chunked", says(head + body))

    response = client.get("/chunked")

    assert response.text == "abc"
    assert response.headers["content-length"] == "3"
    assert "x-user" not in response.headers
    assert "trailer" not in response.headers


def test_trailers_of_a_request_do_not_become_headers(
    gateway: RunningGateway, services: Services
) -> None:
    raw = talk(
        gateway.port,
        b"POST /api/shop/v1/x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n0\r\nauthorization: Bearer forged\r\n\r\n",
    )

    assert status_of(raw) == 200
    (seen,) = services.shop.seen
    assert seen.body == b"abc"
    assert seen.all("authorization") == []


def test_hop_by_hop_fields_stay_where_they_belong(
    gateway: RunningGateway, services: Services
) -> None:
    services.catalog.on(
        "/", says(answer(b"x", "connection: x-secret", "x-secret: 1", "keep-alive: 5", "x-open: 1"))
    )

    raw = talk(
        gateway.port,
        b"GET / HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, X-Drop, authorization\r\n"
        b"x-drop: 1\r\nx-keep: 1\r\nauthorization: Bearer x\r\nte: trailers\r\nupgrade: h2c\r\n"
        b"proxy-authorization: x\r\n\r\n",
    )

    (seen,) = services.catalog.seen
    for name in ("x-drop", "te", "upgrade", "connection", "authorization", "proxy-authorization"):
        assert seen.all(name) == []
    assert seen.one("x-keep") == "1"
    assert b"x-open: 1" in raw
    assert b"x-secret" not in raw
    assert b"keep-alive" not in raw


def test_words_about_identity_from_outside_are_dropped(
    client: httpx.Client, services: Services
) -> None:
    client.get(
        "/",
        headers={
            "X-User": "root", "X-User-Id": "1", "X-Internal-Token": "x", "X-Real-IP": "9.9.9.9",
            "X-Forwarded-For": "9.9.9.9", "X-Forwarded-Host": "evil", "X-Forwarded-Proto": "https",
            "Forwarded": "for=9.9.9.9", "X-Forwarded-Prefix": "/evil", "Remote-User": "root",
            "X-Original-URL": "/admin", "Client-Cert": ":x:", "X-HTTP-Method-Override": "DELETE",
            "X-Accel-Redirect": "/x", "X-Client-Verify": "SUCCESS", "Via": "1.1 evil",
        },
    )  # fmt: skip

    (seen,) = services.catalog.seen
    assert seen.one("x-forwarded-for") == "127.0.0.1"
    assert seen.one("x-forwarded-proto") == "http"
    assert seen.one("x-forwarded-host") == seen.one("host")
    names = {name for name, _ in seen.headers}
    assert not any(name.startswith(("x-user", "x-internal", "x-real", "x-orig")) for name in names)
    assert not names & {"remote-user", "x-forwarded-prefix", "client-cert", "x-accel-redirect"}
    assert not names & {"x-http-method-override", "x-client-verify"}
    assert seen.one("via") == "1.1 quintet-gateway"
    assert seen.one("forwarded") == f'for=127.0.0.1;proto=http;host="{seen.one("host")}"'


def test_a_service_is_told_which_version_a_request_came_by(
    gateway: RunningGateway, services: Services
) -> None:
    """RFC 9110, section 7.6.3."""
    talk(gateway.port, b"GET / HTTP/1.0\r\nhost: a\r\n\r\n")

    (seen,) = services.catalog.seen
    assert seen.one("via") == "1.0 quintet-gateway"


def test_a_trusted_proxy_is_believed(open_gateway: Any, services: Services) -> None:
    gateway = open_gateway(trusted_proxies="127.0.0.0/8")

    httpx.get(
        gateway.url,
        headers={"X-Forwarded-For": "9.9.9.9", "X-Forwarded-Proto": "https"},
        trust_env=False,
        verify=False,
    )

    (seen,) = services.catalog.seen
    assert seen.one("x-forwarded-for") == "9.9.9.9, 127.0.0.1"
    assert seen.one("x-forwarded-proto") == "https"


def test_a_request_id_is_kept_when_sane_and_made_when_not(
    client: httpx.Client, services: Services
) -> None:
    kept = client.get("/", headers={"X-Request-ID": "order-12345678"})
    made = client.get("/", headers={"X-Request-ID": "<script>"})

    assert kept.headers["x-request-id"] == "order-12345678"
    assert made.headers["x-request-id"] != "<script>"
    assert [each.one("x-request-id") for each in services.catalog.seen] == [
        kept.headers["x-request-id"],
        made.headers["x-request-id"],
    ]


def test_expect_continue_is_ours_to_answer(gateway: RunningGateway, services: Services) -> None:
    with connect(gateway.port) as client:
        client.sendall(
            b"POST /api/shop/v1/x HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n"
            b"content-length: 3\r\n\r\n"
        )
        interim = client.recv(1000)
        client.sendall(b"abc")
        final = read_answer(client)

    assert interim.startswith(b"HTTP/1.1 100 ")
    assert json.loads(final.partition(b"\r\n\r\n")[2])["length"] == 3
    assert services.shop.seen[0].all("expect") == []
