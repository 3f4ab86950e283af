"""Who may begin a WebSocket, and which services have understood it: RFC 6455, section 4."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from hashlib import sha1

import pytest

from tests.gateway.conftest import Services
from tests.gateway.raw import all_answers, assert_refused, get, named
from tests.gateway.stage import (
    RunningGateway,
    Seen,
    connect,
    says,
    status_of,
    wait_until,
)
from tests.gateway.stage import (
    get as get_page,
)

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # of section 1.3
HOST = b"host: shop.example\r\n"
UPGRADE = b"connection: upgrade\r\nupgrade: websocket\r\n"
VERSION = b"sec-websocket-version: 13\r\n"
A_KEY = b"sec-websocket-key: " + KEY + b"\r\n"
OFFER = HOST + UPGRADE + VERSION + A_KEY
AGREED = (
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-accept: " + ACCEPT + b"\r\n\r\n"
)


async def never(_: Seen, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Give no answer."""
    await reader.read()


def shake(*more: bytes, path: bytes = b"/orders/live") -> bytes:
    return get(OFFER, *more, path=path)


def opened(gateway: RunningGateway, raw: bytes) -> int:
    """The status that a handshake gets."""
    with connect(gateway.port) as client:
        client.sendall(raw)
        return status_of(client.recv(65536))


@pytest.mark.parametrize(
    ("section", "raw"),
    [
        ("4.2.1: no key", get(HOST, UPGRADE, VERSION)),
        ("4.2.1: two keys", get(OFFER, A_KEY)),
        ("4.2.1: short key", get(HOST, UPGRADE, VERSION, b"sec-websocket-key: YWJj\r\n")),
        ("4.2.1: no base64", get(HOST, UPGRADE, VERSION, b"sec-websocket-key: " + b"!" * 24 + b"\r\n")),
        ("4.2.1: no version", get(HOST, UPGRADE, A_KEY)),
        ("4.2.1: an old version", get(HOST, UPGRADE, A_KEY, b"sec-websocket-version: 8\r\n")),
        ("4.2.1: two versions", get(OFFER, VERSION)),
        ("4.2.1: no Host", get(UPGRADE, VERSION, A_KEY)),
    ],
    ids=named,
)  # fmt: skip
def test_a_malformed_handshake_is_refused_and_no_service_hears_of_it(
    gateway: RunningGateway, services: Services, section: str, raw: bytes
) -> None:
    assert_refused(gateway, services, section, raw, 400, 426)


def test_other_versions_are_told_which_one_is_spoken(gateway: RunningGateway) -> None:
    """Section 4.4."""
    raw = get(HOST, UPGRADE, A_KEY, b"sec-websocket-version: 8\r\n")

    answers = all_answers(gateway.port, raw)

    assert answers.status == 426
    assert b"sec-websocket-version: 13" in answers.head


@pytest.mark.parametrize(
    ("what", "raw"),
    [
        ("another protocol", get(HOST, b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n")),
        ("several protocols", get(HOST, b"connection: upgrade\r\nupgrade: h2c, websocket\r\n", VERSION, A_KEY)),
        ("another method", shake().replace(b"GET", b"POST", 1)),
        ("HTTP/1.0", get(OFFER, path=b"/orders/live", version=b"1.0")),
        ("not for this hop", get(HOST, b"upgrade: websocket\r\n", VERSION, A_KEY)),
        ("with a body", get(OFFER, b"content-length: 3\r\n") + b"abc"),
    ],
    ids=named,
)  # fmt: skip
def test_what_is_no_offer_of_a_websocket_is_answered_as_if_there_were_none(
    gateway: RunningGateway, services: Services, what: str, raw: bytes
) -> None:
    """RFC 9110, section 7.8."""
    assert opened(gateway, raw) == 200, what
    (seen,) = services.catalog.seen + services.shop.seen
    assert seen.all("upgrade") == [], what
    assert seen.all("connection") == [], what


def test_the_service_is_asked_as_it_must_be(gateway: RunningGateway, services: Services) -> None:
    services.shop.on("/orders/live", says(AGREED))

    assert opened(gateway, shake(b"sec-websocket-protocol: chat\r\n")) == 101

    (seen,) = services.shop.seen
    assert seen.one("upgrade") == "websocket"
    assert seen.one("connection") == "upgrade"
    assert seen.one("sec-websocket-key") == KEY.decode()
    assert seen.one("sec-websocket-protocol") == "chat"


@pytest.mark.parametrize(
    ("section", "raw"),
    [
        ("4.1: another proof", AGREED.replace(ACCEPT, b64encode(sha1(b"x", usedforsecurity=False).digest()))),
        ("4.1: no proof", AGREED.replace(b"sec-websocket-accept", b"x")),
        ("4.1: two proofs", AGREED.replace(b"\r\n\r\n", b"\r\nsec-websocket-accept: " + ACCEPT + b"\r\n\r\n")),
        ("4.1: no upgrade", AGREED.replace(b"upgrade: websocket", b"x: y")),
        ("4.1: another protocol", AGREED.replace(b"upgrade: websocket", b"upgrade: h2c")),
        ("4.1: an extension nobody offered", AGREED.replace(b"\r\n\r\n", b"\r\nsec-websocket-extensions: x; y\r\n\r\n")),
        ("RFC 9110 8.6: a length", AGREED.replace(b"\r\n\r\n", b"\r\ncontent-length: 5\r\n\r\n")),
        ("4.1: a subprotocol nobody offered", AGREED.replace(b"\r\n\r\n", b"\r\nsec-websocket-protocol: chat\r\n\r\n")),
    ],
    ids=named,
)  # fmt: skip
def test_a_service_that_has_not_understood_the_handshake_is_not_believed(
    gateway: RunningGateway, services: Services, section: str, raw: bytes
) -> None:
    services.shop.on("/orders/live", says(raw))

    assert opened(gateway, shake()) == 502, section
    wait_until(lambda: services.shop.open == 0)


def test_who_leaves_before_the_offer_is_answered_keeps_nobody_waiting(
    gateway: RunningGateway, services: Services
) -> None:
    services.shop.on("/orders/live", never)
    with connect(gateway.port) as client:
        client.sendall(shake() + b"the first words")
        wait_until(lambda: services.shop.open)

    wait_until(lambda: services.shop.open == 0)


def test_a_service_may_not_change_the_protocol_unasked(
    gateway: RunningGateway, services: Services
) -> None:
    """RFC 9110, section 15.2.2."""
    services.shop.on("/cart", says(AGREED))

    assert get_page(gateway.url + "/cart").status_code == 502


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 101),
        (b"http://shop.example", 101),
        (b"http://127.0.0.1:8000", 101),
        (b"https://shop.example", 403),
        (b"http://shop.example.evil", 403),
        (b"http://evil.example", 403),
        (b"http://admin.shop.example", 403),
        (b"http://shop.example:8080", 403),
        (b"null", 403),
        (b"", 403),
        (b"http://shop.example http://evil.example", 403),
    ],
)
def test_only_our_own_pages_may_open_a_websocket(
    gateway: RunningGateway, services: Services, origin: bytes | None, status: int
) -> None:
    """Section 10.2; OWASP ASVS 4.4.2."""
    services.shop.on("/orders/live", says(AGREED))
    lines = () if origin is None else (b"origin: " + origin + b"\r\n",)

    assert opened(gateway, shake(*lines)) == status


def test_an_offer_to_the_gateway_itself_is_declined(gateway: RunningGateway) -> None:
    assert opened(gateway, shake(path=b"/healthz")) == 200
