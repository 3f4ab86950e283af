"""Requests whose header fields came before: understood without parsing, and never differently."""

from __future__ import annotations

import json
from typing import Any

import pytest
from httptools import HttpRequestParser

from gateway.proxy.edge.forwarded import Proxies
from gateway.proxy.edge.headers import Head
from gateway.proxy.edge.rebuild import Rebuilder
from gateway.proxy.listener.familiar import Familiar, fields_of
from tests.gateway.conftest import Services
from tests.gateway.raw import HOST, all_answers, get, named, post
from tests.gateway.stage import RunningGateway, connect, read_answer, status_of
from tests.gateway.test_malformed_fields import FIELDS, FRAMING, HOSTS
from tests.gateway.test_malformed_targets import LINES, TARGETS

WHO = ("127.0.0.1", "http")
PRINTABLE = [bytes([each]) for each in range(0x21, 0x7F)]


def taken(raw: bytes, **facts: Any) -> tuple[Familiar, Head]:
    """A memory that holds the head of this request, which has these facts."""
    familiar, head = Familiar(), Head("GET", b"/", "127.0.0.1", [(b"host", b"a")])
    for name, value in facts.items():
        setattr(head, name, value)
    fields = fields_of(raw, head)
    if fields is not None:
        familiar.keep((WHO, fields), head)
    return familiar, head


def parsed(raw: bytes) -> bytes:
    """The target as the parser has it."""
    pieces = []

    class Heard:
        def on_url(self, url: bytes) -> None:
            pieces.append(url)

    HttpRequestParser(Heard()).feed_data(raw)
    return b"".join(pieces)


@pytest.mark.parametrize("before", [b"/", b"/a?", b"/a?b"], ids=["path", "query", "in-query"])
def test_every_target_that_is_found_without_the_parser_is_the_one_that_it_finds(
    before: bytes,
) -> None:
    familiar, _ = taken(get(HOST))
    found = {}
    for each in PRINTABLE:
        head = familiar.find(WHO, get(HOST, path=before + each + b"z"))
        if head is not None:
            found[each] = head
            assert head.target == parsed(get(HOST, path=before + each + b"z"))
            assert (head.path, head.query) == head.target.partition(b"?")[::2]

    assert set(PRINTABLE) - set(found) == {b"#"}


@pytest.mark.parametrize("byte", [each for each in range(256) if not 0x21 <= each < 0x7F])
def test_a_target_with_an_odd_byte_is_left_to_the_parser(byte: int) -> None:
    familiar, _ = taken(get(HOST))

    for path in (b"/a%bb", b"/a?%bb"):
        assert familiar.find(WHO, get(HOST, path=path % bytes([byte]))) is None


@pytest.mark.parametrize(
    "raw",
    [
        get(HOST, version=b"1.0"),
        get(HOST, path=b"*"),
        get(HOST, path=b"http://a/"),
        get(HOST) + b"x",
        get(HOST) + get(HOST),
        get(HOST)[:-1],
        get(HOST, b"x: y\r\n"),
        b" " + get(HOST),
        b"\r\n" + get(HOST),
        b"GET  / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1 \r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\nhost: a\r\n\r\n",
        b"get / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"PUT / HTTP/1.1\r\nhost: a\r\n\r\n",
    ],
)
def test_what_is_not_a_plain_line_above_the_same_fields_is_left_to_the_parser(raw: bytes) -> None:
    familiar, _ = taken(get(HOST))

    assert familiar.find(WHO, raw) is None
    assert familiar.find(WHO, get(HOST)) is not None


def test_the_same_fields_from_somebody_else_are_not_familiar() -> None:
    familiar, _ = taken(get(HOST))

    assert familiar.find(("127.0.0.2", "http"), get(HOST)) is None
    assert familiar.find(("127.0.0.1", "https"), get(HOST)) is None


@pytest.mark.parametrize(
    "facts",
    [
        {"method": "POST"},
        {"request_id": b"12345678"},
        {"traceparent": b"00-"},
        {"expects": True},
        {"target": b"/another"},
    ],
)
def test_what_can_hardly_come_again_is_not_remembered(facts: dict[str, Any]) -> None:
    familiar, _ = taken(get(HOST), **facts)

    assert len(familiar) == 0


@pytest.mark.parametrize("rest", [b"", b"abc", b"host: a\r\n", b"host: a\r\n\r\nx", b"\r\n"])
def test_what_is_not_one_whole_head_is_not_remembered(rest: bytes) -> None:
    assert fields_of(b"GET / HTTP/1.1\r\n" + rest, Head("GET", b"/", "127.0.0.1", [])) is None


def test_all_that_was_understood_is_understood_again() -> None:
    fields = {
        b"host": b"a", b"cookie": b"a=b", b"authorization": b"Basic x", b"origin": b"http://a",
        b"x-request-timeout-ms": b"500", b"content-length": b"0", b"connection": b"x",
        b"max-forwards": b"1", b"x": b"y", b"sec-fetch-site": b"none", b"accept": b"*/*",
    }  # fmt: skip
    head = Head("GET", b"/a?b", "127.0.0.1", [*fields.items()])
    head.scheme = "https"
    Rebuilder(Proxies(())).understand(head)

    once_more = head.again("GET", b"/a?b", b"/a", b"b")

    assert vars(head).keys() - vars(once_more).keys() == {"named"}  # said by `lines`
    assert all(getattr(head, name) == value for name, value in vars(once_more).items())


def test_a_flood_of_new_fields_is_forgotten_and_what_comes_again_is_kept() -> None:
    familiar = Familiar(generation=4)
    head = Head("GET", b"/", "127.0.0.1", [])
    usual = fields_of(get(HOST), head) or b""
    familiar.keep((WHO, usual), head)
    for number in range(100):
        familiar.keep((WHO, b"x: %d\r\n\r\n" % number), head)
        assert familiar.find(WHO, get(HOST)) is not None

    assert len(familiar) <= 8


def test_each_request_with_the_same_fields_is_a_request_of_its_own(
    gateway: RunningGateway, services: Services
) -> None:
    fields = (HOST, b"cookie: a=b\r\n", b"x-colour: red\r\n", b"x-user: root\r\n")
    told = []
    with connect(gateway.port) as client:
        for path in (b"/api/shop/v1/a", b"/api/shop/v1/b?c=d", b"/api/shop/v1/c?"):
            client.sendall(get(*fields, path=path))
            told.append(json.loads(read_answer(client).partition(b"\r\n\r\n")[2]))

    assert [each["target"] for each in told] == [
        "/api/shop/v1/a", "/api/shop/v1/b?c=d", "/api/shop/v1/c",
    ]  # fmt: skip
    said = [dict(each["headers"]) for each in told]
    assert [(each["cookie"], each["x-colour"]) for each in said] == [("a=b", "red")] * 3
    assert not any("x-user" in each for each in said)
    for name in ("x-request-id", "traceparent"):
        assert len({each.pop(name) for each in said}) == 3
    assert [[*each] for each in said] == [[*said[0]]] * 3


def test_familiar_fields_after_half_a_line_are_not_taken_for_a_request(
    gateway: RunningGateway,
) -> None:
    with connect(gateway.port) as client:
        for raw in (get(HOST), get(HOST), get(HOST) + b"GET "):
            client.sendall(raw)
            assert status_of(read_answer(client)) == 200
        client.sendall(get(HOST))

        assert status_of(read_answer(client)) == 400


def test_a_body_between_familiar_requests_is_a_body(
    gateway: RunningGateway, services: Services
) -> None:
    body = get(HOST)
    with connect(gateway.port) as client:
        for raw in (
            get(HOST), get(HOST), post(b"content-length: %d\r\n" % len(body)) , body, get(HOST),
        ):  # fmt: skip
            client.sendall(raw)
            if not raw.startswith(b"POST"):
                assert status_of(read_answer(client)) == 200

    methods = [each.method for each in services.catalog.seen]
    assert methods == ["GET", "GET", "POST", "GET"]


@pytest.mark.parametrize(("section", "raw"), LINES + TARGETS + HOSTS + FRAMING + FIELDS, ids=named)
def test_a_malformed_request_is_refused_the_same_after_familiar_ones(
    gateway: RunningGateway, section: str, raw: bytes
) -> None:
    alone = all_answers(gateway.port, raw)
    with connect(gateway.port) as client:
        for _ in range(2):
            client.sendall(get(HOST))
            assert status_of(read_answer(client)) == 200
        client.sendall(raw)

        assert status_of(read_answer(client)) == alone.status, section
