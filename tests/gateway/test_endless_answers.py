"""What a service says beside a body is bounded, and decides nothing that it may not decide."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat

import httpx
import pytest

from gateway.proxy.upstream.reading import LONGEST_HEAD, MOST_INTERIM
from tests.gateway.conftest import Services
from tests.gateway.stage import (
    RunningGateway,
    Script,
    Seen,
    answer,
    connect,
    get,
    says,
    status_of,
    talk,
)

Open = Callable[..., RunningGateway]
GET = b"GET /cart HTTP/1.1\r\nhost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
MOST_SENT = 64 * LONGEST_HEAD


class Talker:
    """Says one thing, then another for ever, or until nobody listens; `sent`: how many bytes."""

    def __init__(self, first: bytes, pieces: Iterable[bytes]) -> None:
        self.sent = 0
        self._first, self._pieces = first, pieces

    async def __call__(
        self, _: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(self._first)
        for piece in self._pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
            self.sent += len(piece)
            if self.sent > MOST_SENT:
                await asyncio.sleep(5)
                break


def fields() -> Iterator[bytes]:
    return (b"x-%d: %b\r\n" % (n, b"a" * 1000) for n in range(1 << 20))


ENDLESS: dict[str, tuple[bytes, Callable[[], Iterable[bytes]], str]] = {
    "a head": (OK, fields, "http_response_header_section_size"),
    "a field": (OK + b"x: ", lambda: repeat(b"a" * 999), "http_response_header_section_size"),
    "a reason": (b"HTTP/1.1 200 ", lambda: repeat(b"a" * 999), "http_response_header_section_size"),
    "the head of an interim answer": (
        b"HTTP/1.1 103 Early Hints\r\n",
        fields,
        "http_response_header_section_size",
    ),
    "interim answers": (
        b"",
        lambda: repeat(b"HTTP/1.1 102 Processing\r\nx-a: b\r\n\r\n"),
        "http_protocol_error",
    ),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_what_has_no_end_is_cut_off_rfc_9209_2_3(
    open_gateway: Open, services: Services, what: str
) -> None:
    first, pieces, error = ENDLESS[what]
    talker = Talker(first, pieces())
    services.shop.on("/api/shop/v1/orders", talker)
    gateway = open_gateway(read_timeout=3.0)
    post = b"POST /api/shop/v1/orders HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"

    raw = talk(gateway.port, post)

    assert status_of(raw) == 502
    assert f"error={error}".encode() in raw
    assert talker.sent < MOST_SENT


def test_a_trailer_without_end_is_cut_off_rfc_9112_7_1_2(
    open_gateway: Open, services: Services
) -> None:
    talker = Talker(OK + CHUNKED[:-2] + b"x: ", repeat(b"a" * 999))
    services.shop.on("/cart", talker)
    gateway = open_gateway(read_timeout=3.0)

    with connect(gateway.port) as client:
        client.sendall(GET)
        got = b""
        while piece := client.recv(65536):
            got += piece

    assert not got.endswith(b"0\r\n\r\n")
    assert talker.sent < MOST_SENT


def test_a_long_head_that_ends_is_too_long_too(client: httpx.Client, services: Services) -> None:
    long = b"x: %b\r\n" % (b"a" * 8000)
    services.shop.on("/cart", says(OK + long * 20 + b"content-length: 0\r\n\r\n"))

    assert client.get("/cart").status_code == 502


def test_heads_below_the_limit_come_with_any_body(client: httpx.Client, services: Services) -> None:
    long = b"x: %b\r\n" % (b"a" * 8000)
    early = b"HTTP/1.1 103 Early Hints\r\n" + long * 7 + b"\r\n"
    body = b"b" * 1_000_000
    head = OK + long * 7 + b"content-length: %d\r\n\r\n" % len(body)
    services.shop.on("/cart", says(early * 3 + head + body))

    assert client.get("/cart").content == body


def test_as_many_interim_answers_as_may_be_are_skipped(
    client: httpx.Client, services: Services
) -> None:
    services.shop.on("/cart", says(b"HTTP/1.1 102 Wait\r\n\r\n" * MOST_INTERIM + answer(b"done")))

    assert client.get("/cart").text == "done"


async def in_small_chunks(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"transfer-encoding: chunked\r\n\r\n")
    for _i in range(200):
        writer.write(b"1;%b\r\n" % (b"e" * 1000))
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(b"a\r\n")
    writer.write(b"0\r\n\r\n")


def test_framing_around_a_body_that_goes_on_is_no_matter_how_much(
    client: httpx.Client, services: Services
) -> None:
    services.shop.on("/cart", in_small_chunks)

    assert client.get("/cart").text == "a" * 200


@pytest.mark.parametrize(
    "name", ["content-length", "Content-Length", "date", "x-a, content-length"]
)
def test_no_list_of_names_takes_away_where_an_answer_ends_rfc_9110_7_6_1(
    gateway: RunningGateway, services: Services, name: str
) -> None:
    services.shop.on("/cart", says(answer(b"hello", f"connection: {name}", "date: x", "x-a: b")))

    head, _, body = talk(gateway.port, GET).partition(b"\r\n\r\n")

    assert head.lower().count(b"\r\ncontent-length: 5") == 1
    assert head.lower().count(b"\r\ndate: ") == 1
    assert (b"\r\nx-a: " in head) == ("x-a" not in name)
    assert body == b"hello"


def test_a_long_answer_that_names_its_length_stays_framed(
    gateway: RunningGateway, services: Services
) -> None:
    body = b"b" * 100_000
    services.shop.on("/cart", says(answer(body, "connection: content-length")))

    assert get(f"{gateway.url}/cart").content == body
    assert b"content-length: 100000" in talk(gateway.port, GET)


def test_every_list_of_names_counts_rfc_9110_5_3(client: httpx.Client, services: Services) -> None:
    hop = ("connection: x-a", "connection: x-b", "x-a: 1", "x-b: 2", "x-c: 3")
    services.shop.on("/cart", says(answer(b"", *hop)))

    headers = client.get("/cart").headers

    assert [name in headers for name in ("x-a", "x-b", "x-c")] == [False, False, True]


INTERIM: dict[str, bytes] = {
    "chunked": b"transfer-encoding: chunked\r\n",
    "another coding": b"transfer-encoding: gzip, chunked\r\n",
    "a length": b"content-length: 5\r\n",
    "a list of names": b"connection: x-a\r\n",
}


@pytest.mark.parametrize("said", INTERIM)
def test_what_an_interim_answer_says_of_a_body_means_nothing_rfc_9112_6_3(
    client: httpx.Client, services: Services, said: str
) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\n" + INTERIM[said] + b"\r\n"
    script: Script = says(early + OK + b"x-a: b\r\n" + CHUNKED)
    services.shop.on("/cart", script)

    response = client.get("/cart")

    assert (response.status_code, response.text) == (200, "hello")
    assert response.headers["x-a"] == "b"
