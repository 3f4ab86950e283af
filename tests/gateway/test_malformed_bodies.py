"""Bodies that end somewhere else than they say, and requests hidden behind others."""

from __future__ import annotations

import pytest

from tests.gateway.conftest import Services
from tests.gateway.raw import (
    CHUNKED,
    HOST,
    Case,
    all_answers,
    assert_refused,
    chunks,
    get,
    named,
    noting,
    post,
)
from tests.gateway.stage import RunningGateway, connect, status_of, talk, wait_until

CHUNKS: list[Case] = [
    ("RFC 9112 7.1: no number", chunks(b"zz\r\nabc\r\n0\r\n\r\n")),
    ("RFC 9112 7.1: sign", chunks(b"+3\r\nabc\r\n0\r\n\r\n")),
    ("RFC 9112 7.1: negative", chunks(b"-3\r\nabc\r\n0\r\n\r\n")),
    ("RFC 9112 7.1: prefix", chunks(b"0x3\r\nabc\r\n0\r\n\r\n")),
    ("RFC 9112 7.1: underscore", chunks(b"1_0\r\nabc\r\n0\r\n\r\n")),
    ("RFC 9112 7.1: empty size", chunks(b"\r\nabc\r\n0\r\n\r\n")),
    ("RFC 9112 7.1: space before the size", chunks(b" 3\r\nabc\r\n0\r\n\r\n")),
    ("RFC 9112 7.1: space after the size", chunks(b"3 \r\nabc\r\n0\r\n\r\n")),
    ("RFC 9112 7.1: size beyond 64 bits", chunks(b"f" * 20 + b"\r\nabc\r\n0\r\n\r\n")),
    ("RFC 9112 7.1: size ended by LF", chunks(b"3\nabc\r\n0\r\n\r\n")),
    ("RFC 9112 7.1: size ended by CR", chunks(b"3\rabc\r\n0\r\n\r\n")),
    ("RFC 9112 7.1: data ended by LF", chunks(b"3\r\nabc\n0\r\n\r\n")),
    ("RFC 9112 7.1: data not ended", chunks(b"3\r\nabc0\r\n\r\n")),
    ("RFC 9112 7.1: longer than said", chunks(b"3\r\nabcdef\r\n0\r\n\r\n")),
    ("RFC 9112 7.1: shorter than said", chunks(b"5\r\nabc\r\n0\r\n\r\n0\r\n\r\n")),
    ("RFC 9112 7.1: last chunk ended by LF", chunks(b"3\r\nabc\r\n0\n\r\n")),
    ("RFC 9112 7.1: end of all by LF", chunks(b"3\r\nabc\r\n0\r\n\n")),
    ("RFC 9112 7.1.1: empty extension", chunks(b"3;\r\nabc\r\n0\r\n\r\n")),
    ("RFC 9112 7.1.1: extension ended by LF", chunks(b"3;a=b\nabc\r\n0\r\n\r\n")),
    ("RFC 9112 7.1.1: CR in an extension", chunks(b"3;a\rb\r\nabc\r\n0\r\n\r\n")),
    ("RFC 9112 7.1.1: NUL in an extension", chunks(b"3;a\0b\r\nabc\r\n0\r\n\r\n")),
    ("RFC 9112 7.1.2: folded trailer", chunks(b"0\r\nx: a\r\n b\r\n\r\n")),
    ("RFC 9112 7.1.2: illegal trailer", chunks(b"0\r\nx : a\r\n\r\n")),
    ("RFC 9112 7.1.2: trailer ended by LF", chunks(b"0\r\nx: a\n\r\n")),
    ("RFC 9112 7.1.2: a length as trailer", chunks(b"0\r\ncontent-length: 5\r\n\r\n")),
    ("RFC 9112 7.1.2: a coding as trailer", chunks(b"0\r\ntransfer-encoding: chunked\r\n\r\n")),
    ("policy: endless extension", chunks(b"3;a=" + b"x" * 1_000_000 + b"\r\nabc\r\n0\r\n\r\n")),
    ("policy: endless size", chunks(b"0" * 1_000_000 + b"3\r\nabc\r\n0\r\n\r\n")),
    ("policy: endless trailers", chunks(b"0\r\n" + b"x: abcdefgh\r\n" * 80_000 + b"\r\n")),
    ("policy: endless trailer", chunks(b"0\r\nx: " + b"a" * 1_000_000 + b"\r\n\r\n")),
]  # fmt: skip


@pytest.mark.parametrize(("section", "raw"), CHUNKS, ids=named)
def test_a_malformed_body_is_refused_and_no_service_hears_of_it(
    gateway: RunningGateway, services: Services, section: str, raw: bytes
) -> None:
    assert_refused(gateway, services, section, raw, 400, 413, 431)


@pytest.mark.parametrize(("section", "raw"), CHUNKS, ids=named)
def test_a_body_that_turns_bad_on_the_way_is_never_passed_on_as_whole(
    gateway: RunningGateway, services: Services, section: str, raw: bytes
) -> None:
    whole: list[bytes] = []
    services.catalog.on("/", noting(whole))
    head, _, body = raw.partition(b"\r\n\r\n")
    with connect(gateway.port) as client:
        client.sendall(head + b"\r\n\r\n3\r\nabc\r\n")
        wait_until(lambda: services.catalog.seen)
        try:
            client.sendall(body)
            answer = client.recv(65536)
        except ConnectionError:
            answer = b""

    assert status_of(answer) in {0, 400, 413, 431}, section
    wait_until(lambda: services.catalog.open == 0)
    assert whole == [], section


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n"


@pytest.mark.parametrize(
    ("attempt", "raw"),
    [
        ("CL.TE", post(b"content-length: 5\r\n", CHUNKED, body=b"0\r\n\r\n")),
        ("TE.CL", post(CHUNKED, b"content-length: 4\r\n", body=b"2b\r\n")),
        ("TE.TE", post(CHUNKED, b"transfer-encoding: x\r\n", body=b"0\r\n\r\n")),
        ("CL.CL", post(b"content-length: 0\r\n", b"content-length: 38\r\n")),
        ("CL list", post(b"content-length: 0, 38\r\n")),
        ("TE behind a fold", post(b"x: y\r\n transfer-encoding: chunked\r\n", body=b"0\r\n\r\n")),
        ("TE on HTTP/1.0", post(CHUNKED, body=b"0\r\n\r\n", version=b"1.0")),
        ("bad chunk", chunks(b"zz\r\n")),
        ("bad path", get(HOST, path=b"/a%2fb")),
        ("bad host", get(b"host: a b\r\n")),
        ("no host", get()),
        ("underscore", get(HOST, b"x_y: 1\r\n")),
        ("unknown method", b"TRACE / HTTP/1.1\r\nhost: a\r\n\r\n"),
        ("tunnel", b"CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n"),
        ("too long", get(HOST, path=b"/" + b"a" * 9000)),
        ("too many fields", get(HOST, *(b"x-%d: a\r\n" % n for n in range(101)))),
        ("preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("HTTP/0.9", b"GET /\r\n\r\n"),
        ("HTTP/2.0", get(HOST, version=b"2.0")),
    ],
    ids=named,
)
def test_nothing_that_follows_a_refused_request_is_served(
    gateway: RunningGateway, services: Services, attempt: str, raw: bytes
) -> None:
    """RFC 9112, section 11.2."""
    assert_refused(gateway, services, attempt, raw + SMUGGLED, 400, 405, 414, 431)


@pytest.mark.parametrize(
    ("what", "raw"),
    [
        ("a length", post(b"content-length: %d\r\n" % len(SMUGGLED), body=SMUGGLED)),
        ("a chunk", chunks(b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED))),
        ("a GET with a body", get(HOST, b"content-length: %d\r\n" % len(SMUGGLED)) + SMUGGLED),
    ],
    ids=named,
)
def test_a_request_inside_a_body_is_a_body(
    gateway: RunningGateway, services: Services, what: str, raw: bytes
) -> None:
    """RFC 9112, section 6.3."""
    assert status_of(talk(gateway.port, raw)) == 200, what

    (seen,) = services.catalog.seen
    assert seen.body == SMUGGLED, what


def test_a_chunk_that_would_never_end_is_refused_at_once(
    gateway: RunningGateway, services: Services
) -> None:
    """RFC 9112, section 7.1: recipients must anticipate large numbers."""
    raw = chunks(b"fffffffffffffffe\r\nabc\r\n0\r\n\r\n")

    assert_refused(gateway, services, "RFC 9112 7.1", raw, 413)


def test_what_follows_the_last_chunk_is_a_request_of_its_own(
    gateway: RunningGateway, services: Services
) -> None:
    answers = all_answers(gateway.port, chunks(b"3\r\nabc\r\n0\r\n\r\n") + b"rubbish\r\n\r\n")

    assert answers.status == 200
    assert answers.closed
    assert [each.body for each in services.catalog.seen] == [b"abc"]


@pytest.mark.parametrize(
    ("section", "raw"),
    [
        ("RFC 9112 7.1.1: extension", chunks(b"3;a=b\r\nabc\r\n0\r\n\r\n")),
        ("RFC 9112 7.1.1: extension in quotes", chunks(b'3;a="b; c"\r\nabc\r\n0\r\n\r\n')),
        ("RFC 9112 7.1: leading zeros", chunks(b"0003\r\nabc\r\n0\r\n\r\n")),
        ("RFC 9112 7.1: capitals", chunks(b"A\r\n0123456789\r\n0\r\n\r\n")),
        ("RFC 9112 7.1.2: trailer", chunks(b"3\r\nabc\r\n0\r\nx: a\r\n\r\n")),
        ("RFC 9112 7.1: small chunks", chunks(b"1\r\na\r\n" * 5000 + b"0\r\n\r\n")),
    ],
    ids=named,
)
def test_an_unusual_but_valid_body_passes(
    gateway: RunningGateway, services: Services, section: str, raw: bytes
) -> None:
    assert status_of(talk(gateway.port, raw)) == 200, section


@pytest.mark.parametrize(
    "raw",
    [
        post(b"content-length: 10\r\n", body=b"abc"),
        chunks(b"3\r\nabc\r\n"),
        chunks(b"3\r\nabc\r\n0\r\n"),
        chunks(b"3\r\nab"),
    ],
)
def test_a_body_that_is_cut_off_is_never_passed_on_as_whole(
    gateway: RunningGateway, services: Services, raw: bytes
) -> None:
    """RFC 9112, section 8: an incomplete message."""
    whole: list[bytes] = []
    services.catalog.on("/", noting(whole))
    with connect(gateway.port) as client:
        client.sendall(raw)
        wait_until(lambda: services.catalog.seen)

    wait_until(lambda: services.catalog.open == 0)
    assert whole == []
