"""Header fields that are malformed, or that two readers could understand differently."""

from __future__ import annotations

import pytest

from tests.gateway.conftest import Services
from tests.gateway.raw import CHUNKED, HOST, Case, assert_refused, get, named, post
from tests.gateway.stage import RunningGateway, status_of, talk

HOSTS: list[Case] = [
    ("RFC 9112 3.2: no Host", get()),
    ("RFC 9112 3.2: no Host on HTTP/1.0", get(version=b"1.0")),
    ("RFC 9112 3.2: two Hosts", get(HOST, b"host: b\r\n")),
    ("RFC 9112 3.2: the same Host twice", get(HOST, HOST)),
    ("RFC 9112 3.2: two Hosts in two cases", get(b"Host: a\r\n", b"HOST: a\r\n")),
    ("RFC 9112 3.2: empty Host", get(b"host: \r\n")),
    ("RFC 9112 3.2: a list", get(b"host: a, b\r\n")),
    ("RFC 9110 7.2: user", get(b"host: u@a\r\n")),
    ("RFC 9110 7.2: user and password", get(b"host: u:p@a\r\n")),
    ("RFC 9110 7.2: path", get(b"host: a/b\r\n")),
    ("RFC 9110 7.2: scheme", get(b"host: http://a\r\n")),
    ("RFC 9110 7.2: query", get(b"host: a?b\r\n")),
    ("RFC 3986 3.2.2: space", get(b"host: a b\r\n")),
    ("RFC 3986 3.2.2: tab", get(b"host: a\tb\r\n")),
    ("RFC 3986 3.2.2: escape", get(b"host: %61\r\n")),
    ("RFC 3986 3.2.2: not ASCII", get(b"host: \xc3\xa9\r\n")),
    ("RFC 3986 3.2.2: backslash", get(b"host: a\\b\r\n")),
    ("RFC 1123 2.1: empty label", get(b"host: a..b\r\n")),
    ("RFC 1123 2.1: dot first", get(b"host: .a\r\n")),
    ("RFC 3986 3.2.3: port of no number", get(b"host: a:b\r\n")),
    ("RFC 3986 3.2.3: negative port", get(b"host: a:-1\r\n")),
    ("RFC 3986 3.2.3: port too large", get(b"host: a:65536\r\n")),
    ("RFC 3986 3.2.3: two ports", get(b"host: a:1:2\r\n")),
    ("RFC 3986 3.2.2: open bracket", get(b"host: [::1\r\n")),
    ("RFC 3986 3.2.2: no address in brackets", get(b"host: [a]\r\n")),
    ("RFC 3986 3.2.2: IPv6 without brackets", get(b"host: ::1\r\n")),
    ("RFC 6874: zone", get(b"host: [fe80::1%25eth0]\r\n")),
]  # fmt: skip

FRAMING: list[Case] = [
    ("RFC 9112 6.1: length and chunks", post(CHUNKED, b"content-length: 3\r\n", body=b"0\r\n\r\n")),
    ("RFC 9112 6.1: chunks and length", post(b"content-length: 3\r\n", CHUNKED, body=b"0\r\n\r\n")),
    ("RFC 9112 6.1: chunked in two fields", post(CHUNKED, CHUNKED, body=b"0\r\n\r\n")),
    ("RFC 9112 6.1: chunked, chunked", post(b"transfer-encoding: chunked, chunked\r\n", body=b"0\r\n\r\n")),
    ("RFC 9112 6.1: chunks on HTTP/1.0", post(CHUNKED, body=b"0\r\n\r\n", version=b"1.0")),
    ("RFC 9112 6.1: chunked is not last", post(b"transfer-encoding: chunked, identity\r\n", body=b"0\r\n\r\n")),
    ("RFC 9112 6.1: identity first", post(b"transfer-encoding: identity, chunked\r\n", body=b"0\r\n\r\n")),
    ("RFC 9112 6.1: identity", post(b"transfer-encoding: identity\r\n")),
    ("RFC 9112 6.1: gzip", post(b"transfer-encoding: gzip\r\n")),
    ("RFC 9112 6.1: gzip, chunked", post(b"transfer-encoding: gzip, chunked\r\n", body=b"0\r\n\r\n")),
    ("RFC 9112 6.1: gzip in a field before", post(b"transfer-encoding: gzip\r\n", CHUNKED, body=b"0\r\n\r\n")),
    ("RFC 9112 6.1: another word", post(b"transfer-encoding: xchunked\r\n", body=b"0\r\n\r\n")),
    ("RFC 9112 6.1: a longer word", post(b"transfer-encoding: chunkedx\r\n", body=b"0\r\n\r\n")),
    ("RFC 9112 6.1: in quotes", post(b'transfer-encoding: "chunked"\r\n', body=b"0\r\n\r\n")),
    ("RFC 9112 7: with a parameter", post(b"transfer-encoding: chunked;q=1\r\n", body=b"0\r\n\r\n")),
    ("RFC 9112 6.1: empty", post(b"transfer-encoding: \r\n", body=b"0\r\n\r\n")),
    ("RFC 9110 5.6.1: comma before", post(b"transfer-encoding: ,chunked\r\n", body=b"0\r\n\r\n")),
    ("RFC 9110 5.6.1: comma after", post(b"transfer-encoding: chunked,\r\n", body=b"0\r\n\r\n")),
    ("RFC 9110 5.5: vertical tab", post(b"transfer-encoding:\x0bchunked\r\n", body=b"0\r\n\r\n")),
    ("RFC 9110 5.5: NUL after", post(b"transfer-encoding: chunked\0\r\n", body=b"0\r\n\r\n")),
    ("RFC 9112 5.1: space before the colon", post(b"transfer-encoding : chunked\r\n", body=b"0\r\n\r\n")),
    ("RFC 9112 5.1: tab before the colon", post(b"transfer-encoding\t: chunked\r\n", body=b"0\r\n\r\n")),
    ("RFC 9112 5.2: folded", post(b"transfer-encoding:\r\n chunked\r\n", body=b"0\r\n\r\n")),
    ("RFC 9112 5.2: hidden behind a fold", post(b"x: y\r\n transfer-encoding: chunked\r\n", body=b"0\r\n\r\n")),
    ("policy: with an underscore", post(b"transfer_encoding: chunked\r\n", body=b"0\r\n\r\n")),
    ("RFC 9112 6.3: two lengths", post(b"content-length: 3\r\ncontent-length: 4\r\n", body=b"abcd")),
    ("RFC 9112 6.3: one length twice", post(b"content-length: 3\r\ncontent-length: 3\r\n", body=b"abc")),
    ("RFC 9112 6.3: list of lengths", post(b"content-length: 5, 5\r\n", body=b"abcde")),
    ("RFC 9112 6.3: list of two lengths", post(b"content-length: 5, 6\r\n", body=b"abcde")),
    ("RFC 9110 8.6: sign", post(b"content-length: +3\r\n", body=b"abc")),
    ("RFC 9110 8.6: negative", post(b"content-length: -3\r\n", body=b"abc")),
    ("RFC 9110 8.6: hexadecimal", post(b"content-length: 0x3\r\n", body=b"abc")),
    ("RFC 9110 8.6: fraction", post(b"content-length: 3.0\r\n", body=b"abc")),
    ("RFC 9110 8.6: exponent", post(b"content-length: 3e0\r\n", body=b"abc")),
    ("RFC 9110 8.6: underscore", post(b"content-length: 1_0\r\n", body=b"a" * 10)),
    ("RFC 9110 8.6: space inside", post(b"content-length: 1 0\r\n", body=b"a" * 10)),
    ("RFC 9110 8.6: empty", post(b"content-length: \r\n")),
    ("RFC 9110 8.6: a word", post(b"content-length: three\r\n", body=b"abc")),
    ("RFC 9110 8.6: in quotes", post(b'content-length: "3"\r\n', body=b"abc")),
    ("RFC 9110 8.6: other digits", post("content-length: \u0663\r\n".encode(), body=b"abc")),
    ("RFC 9110 8.6: beyond 64 bits", post(b"content-length: 18446744073709551617\r\n", body=b"a")),
    ("RFC 9112 5.1: space before the colon of a length", post(b"content-length : 3\r\n", body=b"abc")),
]  # fmt: skip

FIELDS: list[Case] = [
    ("RFC 9112 5.1: space before the colon", get(HOST, b"x : a\r\n")),
    ("RFC 9112 5.2: obs-fold", get(HOST, b"x: a\r\n b\r\n")),
    ("RFC 9112 5.2: obs-fold with a tab", get(HOST, b"x: a\r\n\tb\r\n")),
    ("RFC 9112 5.2: obs-fold of an empty value", get(HOST, b"x:\r\n b\r\n")),
    ("RFC 9112 2.2: a line that ends with LF", get(HOST, b"x: a\ny: b\r\n")),
    ("RFC 9112 2.2: a line that ends with CR", get(HOST, b"x: a\ry: b\r\n")),
    ("RFC 9112 2.2: the last line ends with LF", b"GET / HTTP/1.1\r\nhost: a\r\n\n"),
    ("RFC 9112 2.2: every line ends with LF", b"GET / HTTP/1.1\nhost: a\n\n"),
    ("RFC 9112 2.2: bare CR in a value", get(HOST, b"x: a\rb\r\n")),
    ("RFC 9110 5.5: NUL", get(HOST, b"x: a\0b\r\n")),
    ("RFC 9110 5.5: bell", get(HOST, b"x: a\x07b\r\n")),
    ("RFC 9110 5.5: DEL", get(HOST, b"x: a\x7fb\r\n")),
    ("RFC 9110 5.5: vertical tab", get(HOST, b"x: a\x0bb\r\n")),
    ("RFC 9110 5.1: illegal name", get(HOST, b"x(y): a\r\n")),
    ("RFC 9110 5.1: space in a name", get(HOST, b"x y: a\r\n")),
    ("RFC 9110 5.1: quote in a name", get(HOST, b'x"y: a\r\n')),
    ("RFC 9110 5.1: NUL in a name", get(HOST, b"x\0y: a\r\n")),
    ("RFC 9110 5.1: not ASCII in a name", get(HOST, b"x\xe9: a\r\n")),
    ("RFC 9110 5.1: no name", get(HOST, b": a\r\n")),
    ("RFC 9112 5: no colon", get(HOST, b"hello\r\n")),
    ("policy: underscore in a name", get(HOST, b"x_user: root\r\n")),
    ("policy: underscore for a known dash", get(HOST, b"content_type: text/plain\r\n")),
    ("RFC 9110 11.6.2: two credentials", get(HOST, b"authorization: a\r\nauthorization: b\r\n")),
    ("RFC 6454 7.3: two origins", get(HOST, b"origin: http://a\r\norigin: http://b\r\n")),
    ("RFC 9110 8.3: two types", post(b"content-type: a/b\r\ncontent-type: c/d\r\n")),
    ("policy: two keys", post(b"idempotency-key: a\r\nidempotency-key: b\r\n")),
    ("policy: two proofs", post(b"x-csrf-token: a\r\nx-csrf-token: b\r\n")),
]  # fmt: skip


@pytest.mark.parametrize(("section", "raw"), HOSTS + FRAMING + FIELDS, ids=named)
def test_a_malformed_field_is_refused_and_no_service_hears_of_it(
    gateway: RunningGateway, services: Services, section: str, raw: bytes
) -> None:
    assert_refused(gateway, services, section, raw)


def test_an_expectation_that_we_cannot_meet_is_refused(
    gateway: RunningGateway, services: Services
) -> None:
    raw = post(b"expect: 200-maybe\r\n", b"content-length: 3\r\n", body=b"abc")

    assert_refused(gateway, services, "RFC 9110 10.1.1", raw, 417)


@pytest.mark.parametrize(
    ("policy", "raw"),
    [
        ("101 fields", get(HOST, *(b"x-%d: a\r\n" % n for n in range(100)))),
        ("10,000 fields", get(HOST, *(b"x-%d: a\r\n" % n for n in range(10_000)))),
        ("a line of 16 KiB", get(HOST, b"x: " + b"a" * 16_384 + b"\r\n")),
        ("a name of 16 KiB", get(HOST, b"x" * 16_384 + b": a\r\n")),
        ("a line of 200 KiB", get(HOST, b"x: " + b"a" * 200_000 + b"\r\n")),
        ("20 KiB together", get(HOST, *(b"x-%d: %b\r\n" % (n, b"a" * 1000) for n in range(20)))),
    ],
    ids=named,
)
def test_a_head_that_is_too_large_is_refused(
    gateway: RunningGateway, services: Services, policy: str, raw: bytes
) -> None:
    """RFC 6585, section 5."""
    assert_refused(gateway, services, policy, raw, 431)


@pytest.mark.parametrize(
    ("section", "raw"),
    [
        ("RFC 9110 7.2: port", get(b"host: shop.example:8000\r\n")),
        ("RFC 9110 7.2: empty port", get(b"host: shop.example:\r\n")),
        ("RFC 3986 3.2.2: IPv6", get(b"host: [::1]:8000\r\n")),
        ("RFC 1034 3.1: final dot", get(b"host: shop.example.\r\n")),
        ("RFC 9112 5.1: white space around Host", get(b"host: \t a \t\r\n")),
        ("RFC 9112 5.1: no white space", get(b"host:a\r\n")),
        ("RFC 9110 5.1: names in capitals", get(b"HOST: a\r\n")),
        ("RFC 9110 5.5: empty value", get(HOST, b"x:\r\n")),
        ("RFC 9110 5.5: obs-text", get(HOST, b"x: caf\xe9\r\n")),
        ("RFC 9110 5.5: tab inside", get(HOST, b"x: a\tb\r\n")),
        ("RFC 9110 5.6.2: every character of a name", get(HOST, b"x!#$%&'*+-.^`|~1: a\r\n")),
        ("RFC 9112 2.3: HTTP/1.0", get(HOST, version=b"1.0")),
        ("RFC 9112 6.1: chunked in capitals", post(b"transfer-encoding: CHUNKED\r\n", body=b"0\r\n\r\n")),
        ("RFC 9112 5.1: white space after chunked", post(b"transfer-encoding: chunked \r\n", body=b"0\r\n\r\n")),
        ("RFC 9112 5.1: white space after a length", post(b"content-length: 3 \t\r\n", body=b"abc")),
        ("RFC 9110 8.6: leading zeros", post(b"content-length: 003\r\n", body=b"abc")),
        ("RFC 9110 8.6: a body with GET", get(HOST, b"content-length: 3\r\n") + b"abc"),
        ("RFC 9112 6.3: POST without any", post()),
    ],
    ids=named,
)  # fmt: skip
def test_an_unusual_but_valid_field_passes(
    gateway: RunningGateway, services: Services, section: str, raw: bytes
) -> None:
    assert status_of(talk(gateway.port, raw)) == 200, section
