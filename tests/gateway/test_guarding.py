"""What is refused at the door: requests that two readers could understand differently."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.gateway.conftest import Services
from tests.gateway.stage import RunningGateway, connect, read_answer, status_of, talk, wait_until

HOST = b"host: a\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"


def get(*lines: bytes, path: bytes = b"/", version: bytes = b"1.1") -> bytes:
    return b"GET " + path + b" HTTP/" + version + b"\r\n" + b"".join(lines) + b"\r\n"


def post(*lines: bytes, body: bytes, version: bytes = b"1.1") -> bytes:
    return b"POST / HTTP/" + version + b"\r\n" + HOST + b"".join(lines) + b"\r\n" + body


def test_a_head_without_end_is_cut_short(gateway: RunningGateway) -> None:
    sent = 0
    with connect(gateway.port) as client:
        client.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n")
        try:
            while sent < 10_000_000:
                sent += client.send(b"x-%08d: %b\r\n" % (sent, b"a" * 1000))
        except ConnectionError:
            pass

    assert sent < 10_000_000


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nhos", b"\r\n"])
def test_a_client_that_never_finishes_its_head_is_let_go(
    open_gateway: Callable[..., RunningGateway], start: bytes
) -> None:
    gateway = open_gateway(head_timeout=0.3)

    began = time.monotonic()
    raw = talk(gateway.port, start)

    assert time.monotonic() - began < 12  # by default it would be 15 seconds
    assert status_of(raw) == 408


def test_a_body_that_says_it_is_too_long_is_refused_at_once(
    gateway: RunningGateway, services: Services
) -> None:
    with connect(gateway.port) as client:
        client.sendall(
            b"POST /api/shop/v1/x HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n"
            b"content-length: 1048577\r\n\r\n"
        )
        raw = read_answer(client)

    assert status_of(raw) == 413
    assert b"connection: close" in raw
    assert services.shop.seen == []


def test_a_body_that_becomes_too_long_is_refused_on_the_way(
    gateway: RunningGateway, services: Services
) -> None:
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    with connect(gateway.port) as client:
        client.sendall(b"POST /api/shop/v1/x HTTP/1.1\r\nhost: a\r\n" + CHUNKED + b"\r\n")
        for _ in range(17):
            client.sendall(chunk)
        raw = read_answer(client)

    assert status_of(raw) == 413
    wait_until(lambda: services.shop.open == 0)


def test_uploads_to_pages_may_be_larger_than_api_calls(
    gateway: RunningGateway, services: Services
) -> None:
    body = b"a" * (2 * 1024 * 1024)

    statuses = [
        status_of(talk(gateway.port, b"POST %b HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n%b"
                       % (path, len(body), body)))
        for path in (b"/admin/catalog/products", b"/api/catalog/v1/products")
    ]  # fmt: skip

    assert statuses == [200, 413]


def test_bad_bytes_after_a_good_request_do_not_harm_it(gateway: RunningGateway) -> None:
    raw = talk(gateway.port, get(HOST) + b"\x00\x01rubbish\r\n\r\n")

    assert status_of(raw) == 200
