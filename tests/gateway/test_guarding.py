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


@pytest.mark.parametrize(
    ("section", "raw"),
    [
        ("RFC 9112 3.2: no Host", get()),
        ("RFC 9112 3.2: two Hosts", get(HOST, b"host: b\r\n")),
        ("RFC 9112 3.2: the same Host twice", get(HOST, HOST)),
        ("RFC 9112 3.2: invalid Host", get(b"host: a b\r\n")),
        ("RFC 9112 3.2: Host with a path", get(b"host: a/b\r\n")),
        ("RFC 9112 3.2: Host with a user", get(b"host: a@b\r\n")),
        ("RFC 9112 3.2: empty Host", get(b"host: \r\n")),
        ("RFC 9112 3: no version", b"GET /\r\n\r\n"),
        ("RFC 9112 3: unknown protocol", b"GET / HTTQ/1.1\r\nhost: a\r\n\r\n"),
        ("RFC 9112 2.2: bare CR in a value", get(HOST, b"x: a\rb\r\n")),
        ("RFC 9110 5.5: NUL in a value", get(HOST, b"x: a\0b\r\n")),
        ("RFC 9112 5.1: space before the colon", get(HOST, b"x : a\r\n")),
        ("RFC 9112 5.2: obs-fold", get(HOST, b"x: a\r\n b\r\n")),
        ("RFC 9110 5.1: illegal name", get(HOST, b"x(y): a\r\n")),
        ("RFC 9110 5.1: no name", get(HOST, b": a\r\n")),
        ("RFC 9112 5: no colon", get(HOST, b"hello\r\n")),
        ("RFC 9112 6.1: length and chunks", post(CHUNKED, b"content-length: 3\r\n", body=b"0\r\n\r\n")),
        ("RFC 9112 6.1: chunks twice", post(CHUNKED, CHUNKED, body=b"0\r\n\r\n")),
        ("RFC 9112 6.1: unknown coding", post(b"transfer-encoding: gzip\r\n", body=b"")),
        ("RFC 9112 6.1: gzip, chunked", post(b"transfer-encoding: gzip, chunked\r\n", body=b"0\r\n\r\n")),
        ("RFC 9112 6.1: chunks on HTTP/1.0", post(CHUNKED, body=b"0\r\n\r\n", version=b"1.0")),
        ("RFC 9112 6.3: two lengths", post(b"content-length: 3\r\ncontent-length: 4\r\n", body=b"abcd")),
        ("RFC 9112 6.3: list of lengths", post(b"content-length: 3, 3\r\n", body=b"abc")),
        ("RFC 9112 6.3: signed length", post(b"content-length: +3\r\n", body=b"abc")),
        ("RFC 9112 6.3: negative length", post(b"content-length: -3\r\n", body=b"abc")),
        ("RFC 9112 6.3: hexadecimal length", post(b"content-length: 0x3\r\n", body=b"abc")),
        ("RFC 9112 7.1: bad chunk size", post(CHUNKED, body=b"zz\r\nabc\r\n0\r\n\r\n")),
        ("RFC 9112 7.1: chunk size with sign", post(CHUNKED, body=b"+3\r\nabc\r\n0\r\n\r\n")),
        ("RFC 9112 7.1: chunk longer than said", post(CHUNKED, body=b"3\r\nabcdef\r\n0\r\n\r\n")),
        ("RFC 9112 7.1: chunk size ended by LF", post(CHUNKED, body=b"3\nabc\r\n0\r\n\r\n")),
        ("RFC 9112 7.1: huge chunk size", post(CHUNKED, body=b"f" * 20 + b"\r\nabc\r\n0\r\n\r\n")),
        ("RFC 3986 2.1: half an escape", get(HOST, path=b"/a%2")),
        ("RFC 3986 2.2: encoded slash", get(HOST, path=b"/a%2Fb")),
        ("WHATWG URL: encoded backslash", get(HOST, path=b"/a%5cb")),
        ("WHATWG URL: backslash", get(HOST, path=b"/a\\b")),
        ("RFC 3986 5.2.4: dot segments", get(HOST, path=b"/static/../internal/x")),
        ("RFC 3986 5.2.4: final dot segment", get(HOST, path=b"/static/..")),
        ("RFC 3986 5.2.4: encoded dot segments", get(HOST, path=b"/static/%2e%2E/internal")),
        ("RFC 3986 5.2.4: half encoded dots", get(HOST, path=b"/static/.%2e/internal")),
        ("RFC 3986 5.2.4: single dot", get(HOST, path=b"/./internal")),
        ("RFC 3986 3.3: empty segment", get(HOST, path=b"//internal")),
        ("RFC 3986 2.1: encoded NUL", get(HOST, path=b"/a%00b")),
        ("RFC 3986 2.1: encoded line end", get(HOST, path=b"/a%0d%0ab")),
        ("RFC 9110 5.1: underscore", get(HOST, b"x_user: root\r\n")),
        ("RFC 9110 11.6.2: two credentials", get(HOST, b"authorization: a\r\nauthorization: b\r\n")),
    ],
)  # fmt: skip
def test_a_malformed_request_is_refused_and_no_service_sees_it(
    gateway: RunningGateway, services: Services, section: str, raw: bytes
) -> None:
    status = status_of(talk(gateway.port, raw))

    assert status == 400, section
    assert services.catalog.seen == [], section


@pytest.mark.parametrize(
    "raw",
    [
        get(HOST, path=b"/.well-known/openid-configuration"),
        get(HOST, path=b"/products/caf%C3%A9"),
        get(HOST, path=b"/products/a.b..c"),
        get(HOST, path=b"/?next=%2Fcart&up=../.."),
        get(b"host: shop.example:8000\r\n"),
        get(b"host: [::1]:8000\r\n"),
        get(HOST, version=b"1.0"),
    ],
)
def test_an_unusual_but_clear_request_passes(
    gateway: RunningGateway, services: Services, raw: bytes
) -> None:
    assert status_of(talk(gateway.port, raw)) == 200


@pytest.mark.parametrize("method", [b"TRACE", b"CONNECT", b"PROPFIND", b"PURGE"])
def test_methods_that_nobody_needs_are_refused(gateway: RunningGateway, method: bytes) -> None:
    raw = talk(gateway.port, method + b" / HTTP/1.1\r\nhost: a\r\n\r\n")

    assert status_of(raw) in {400, 405}


def test_too_many_header_fields_are_refused(gateway: RunningGateway) -> None:
    raw = talk(gateway.port, get(HOST, *(b"x-%d: a\r\n" % n for n in range(101))))

    assert status_of(raw) == 431


def test_too_long_header_fields_are_refused(gateway: RunningGateway) -> None:
    raw = talk(gateway.port, get(HOST, b"x: " + b"a" * 17_000 + b"\r\n"))

    assert status_of(raw) == 431


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


def test_too_long_addresses_are_refused(gateway: RunningGateway) -> None:
    assert status_of(talk(gateway.port, get(HOST, path=b"/" + b"a" * 9000))) == 414


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nhos", b"\r\n"])
def test_a_client_that_never_finishes_its_head_is_let_go(
    open_gateway: Callable[..., RunningGateway], start: bytes
) -> None:
    gateway = open_gateway(head_timeout=0.3)

    began = time.monotonic()
    raw = talk(gateway.port, start)

    assert time.monotonic() - began < 3
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
