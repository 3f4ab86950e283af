"""Request lines that are malformed, or that two readers could understand differently."""

from __future__ import annotations

import pytest

from tests.gateway.conftest import Services
from tests.gateway.raw import HOST, Case, all_answers, assert_refused, get, named
from tests.gateway.stage import RunningGateway, status_of, talk

LINES: list[Case] = [
    ("RFC 9112 3: no version (HTTP/0.9)", b"GET /\r\n\r\n"),
    ("RFC 9112 3: a line of HTTP/0.9 alone", b"GET /\r\n"),
    ("RFC 9112 3: no version, but fields", b"GET /\r\nhost: a\r\n\r\n"),
    ("RFC 9112 2.3: version 0.9 said aloud", get(HOST, version=b"0.9")),
    ("RFC 9112 2.3: version 1.2", get(HOST, version=b"1.2")),
    ("RFC 9112 2.3: version 2.0", get(HOST, version=b"2.0")),
    ("RFC 9112 2.3: version 3.0", get(HOST, version=b"3.0")),
    ("RFC 9112 2.3: version 1.10", get(HOST, version=b"1.10")),
    ("RFC 9112 2.3: version 01.1", get(HOST, version=b"01.1")),
    ("RFC 9112 2.3: version 1", get(HOST, version=b"1")),
    ("RFC 9112 2.3: version in lower case", b"GET / http/1.1\r\nhost: a\r\n\r\n"),
    ("RFC 9112 2.3: another protocol", b"GET / HTTQ/1.1\r\nhost: a\r\n\r\n"),
    ("RFC 9112 2.3: RTSP", b"OPTIONS / RTSP/1.0\r\nhost: a\r\n\r\n"),
    ("RFC 9112 2.3: RTSP with our method", b"GET / RTSP/1.0\r\nhost: a\r\n\r\n"),
    ("RFC 9112 2.3: ICE", b"SOURCE / ICE/1.0\r\nhost: a\r\n\r\n"),
    ("RFC 9113 3.4: preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("RFC 9112 3: space after the version", b"GET / HTTP/1.1 \r\nhost: a\r\n\r\n"),
    ("RFC 9112 3: two spaces after the method", b"GET  / HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("RFC 9112 3: two spaces before the version", b"GET /  HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("RFC 9112 3: tabs for spaces", b"GET\t/\tHTTP/1.1\r\nhost: a\r\n\r\n"),
    ("RFC 9112 3: no target", b"GET HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("RFC 9112 3: empty target", b"GET  HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("RFC 9112 2.2: space before the method", b" GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("RFC 9112 2.2: CR before the request", b"\r" + get(HOST)),
    ("RFC 9112 2.2: LF before the request", b"\n" + get(HOST)),
    ("RFC 9112 2.2: LF after a blank line", b"\r\n\n" + get(HOST)),
    ("RFC 9112 3: two spaces, and a field that hides it", b"GET  / HTTP/1.1\r\nhost: a\r\nx: GET / HTTP/1.1\r\n\r\n"),
    ("RFC 9112 2.3: RTSP, and a field that hides it", b"GET / RTSP/1.0\r\nhost: a\r\nx: GET / HTTP/1.1\r\n\r\n"),
    ("RFC 9112 2.2: line ends with LF", b"GET / HTTP/1.1\nhost: a\r\n\r\n"),
    ("RFC 9112 2.2: line ends with CR", b"GET / HTTP/1.1\rhost: a\r\n\r\n"),
    ("RFC 9112 2.2: space before the first field", b"GET / HTTP/1.1\r\n host: a\r\n\r\n"),
    ("RFC 9110 9.1: method in lower case", b"get / HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("RFC 9110 9.1: method half in lower case", b"Get / HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("RFC 9110 9.1: no token", b"G(T / HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("RFC 9110 9.1: endless method", b"G" * 70_000 + b" / HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("RFC 9112 2: TLS on a plain port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 500),
    ("RFC 9112 2: NUL bytes", b"\0" * 100),
    ("RFC 9112 2: an answer", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
    ("RFC 9112 2: a line of prose", b"hello there\r\n\r\n"),
]  # fmt: skip

TARGETS: list[Case] = [
    ("RFC 9112 3.2.1: relative", get(HOST, path=b"a/b")),
    ("RFC 9112 3.2.1: query alone", get(HOST, path=b"?a=b")),
    ("RFC 9112 3.2.2: another host than Host", get(HOST, path=b"http://b/")),
    ("RFC 9112 3.2.2: another port than Host", get(HOST, path=b"http://a:81/")),
    ("RFC 9112 3.2.2: absolute without Host", get(path=b"http://a/")),
    ("RFC 9110 4.2.4: user in the target", get(HOST, path=b"http://u@a/")),
    ("RFC 9110 4.2.1: no authority", get(HOST, path=b"http:///x")),
    ("RFC 9110 7.4: another scheme", get(HOST, path=b"https://a/")),
    ("RFC 9110 7.4: a foreign scheme", get(HOST, path=b"ftp://a/")),
    ("RFC 9112 3.2.3: authority", get(HOST, path=b"a:80")),
    ("RFC 9112 3.2.4: asterisk with GET", get(HOST, path=b"*")),
    ("RFC 9110 7.1: fragment", get(HOST, path=b"/a#b")),
    ("RFC 9110 7.1: fragment after a query", get(HOST, path=b"/a?b#c")),
    ("RFC 3986 2: space", get(HOST, path=b"/a b")),
    ("RFC 3986 2: tab", get(HOST, path=b"/a\tb")),
    ("RFC 3986 2: control character", get(HOST, path=b"/a\x01b")),
    ("RFC 3986 2: DEL", get(HOST, path=b"/a\x7fb")),
    ("RFC 3986 2: not ASCII", get(HOST, path="/caf\u00e9".encode())),
    ("RFC 3986 2: not ASCII in the query", get(HOST, path="/?q=caf\u00e9".encode())),
    ("RFC 3986 2.1: half an escape", get(HOST, path=b"/a%2")),
    ("RFC 3986 2.1: a percent sign alone", get(HOST, path=b"/a%")),
    ("RFC 3986 2.1: escape of no number", get(HOST, path=b"/a%zz")),
    ("RFC 3986 2.1: encoded NUL", get(HOST, path=b"/a%00b")),
    ("RFC 3986 2.1: encoded line end", get(HOST, path=b"/a%0d%0ab")),
    ("RFC 3986 2.1: encoded DEL", get(HOST, path=b"/a%7fb")),
    ("RFC 3986 2.2: encoded slash", get(HOST, path=b"/a%2Fb")),
    ("RFC 3986 2.5: no UTF-8", get(HOST, path=b"/a%ffb")),
    ("RFC 3629 3: overlong dots", get(HOST, path=b"/static/%c0%ae%c0%ae/internal")),
    ("RFC 3629 3: half a surrogate", get(HOST, path=b"/%ed%a0%80")),
    ("WHATWG URL 4.4: encoded backslash", get(HOST, path=b"/a%5cb")),
    ("WHATWG URL 4.4: backslash", get(HOST, path=b"/a\\b")),
    ("RFC 3986 5.2.4: dot segments", get(HOST, path=b"/static/../internal/x")),
    ("RFC 3986 5.2.4: final dot segment", get(HOST, path=b"/static/..")),
    ("RFC 3986 5.2.4: encoded dot segments", get(HOST, path=b"/static/%2e%2E/internal")),
    ("RFC 3986 5.2.4: half encoded dots", get(HOST, path=b"/static/.%2e/internal")),
    ("RFC 3986 5.2.4: single dot", get(HOST, path=b"/./internal")),
    ("RFC 3986 3.3: dots with a parameter", get(HOST, path=b"/static/..;a=b/internal")),
    ("RFC 3986 3.3: empty segment", get(HOST, path=b"//internal")),
    ("RFC 3986 3.3: empty segment inside", get(HOST, path=b"/a//b")),
]  # fmt: skip


@pytest.mark.parametrize(("section", "raw"), LINES + TARGETS, ids=named)
def test_a_malformed_request_line_is_refused_and_no_service_hears_of_it(
    gateway: RunningGateway, services: Services, section: str, raw: bytes
) -> None:
    assert_refused(gateway, services, section, raw, 400, 405, 431)


@pytest.mark.parametrize(
    "method", [b"TRACE", b"PROPFIND", b"PURGE", b"M-SEARCH", b"BREW", b"SOURCE"]
)
def test_methods_that_nobody_needs_are_refused(
    gateway: RunningGateway, services: Services, method: bytes
) -> None:
    raw = method + b" / HTTP/1.1\r\nhost: a\r\n\r\n"

    assert_refused(gateway, services, "RFC 9110 9.1", raw, 400, 405)


@pytest.mark.parametrize("target", [b"a:443", b"a", b"/", b"http://a/"])
def test_we_are_no_tunnel_to_elsewhere(
    gateway: RunningGateway, services: Services, target: bytes
) -> None:
    """RFC 9110, section 9.3.6."""
    raw = b"CONNECT " + target + b" HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n"

    assert_refused(gateway, services, "RFC 9110 9.3.6", raw, 400, 405)


@pytest.mark.parametrize("length", [8 * 1024 + 1, 60_000, 200_000])
def test_too_long_addresses_are_refused(
    gateway: RunningGateway, services: Services, length: int
) -> None:
    """RFC 9110, section 15.5.15."""
    raw = get(HOST, path=b"/" + b"a" * length)

    assert_refused(gateway, services, str(length), raw, 414)


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        (b"http://a/x?y=1", "/x?y=1"),
        (b"HTTP://A/x", "/x"),
        (b"http://a", "/"),
        (b"http://a?y=1", "/?y=1"),
        (b"/x?next=http://b/", "/x?next=http://b/"),
        (b"/x?a=%2F%00&b=../..", "/x?a=%2F%00&b=../.."),
        (b"/.well-known/openid-configuration", "/.well-known/openid-configuration"),
        (b"/products/caf%C3%A9", "/products/caf%C3%A9"),
        (b"/products/a.b..c/...", "/products/a.b..c/..."),
        (b"/products/a;b=c,d@e:f!$&'()*+=~", "/products/a;b=c,d@e:f!$&'()*+=~"),
        (b"/100%25", "/100%25"),
        (b"/?", "/"),
    ],
)
def test_an_unusual_but_clear_target_passes(
    gateway: RunningGateway, services: Services, target: bytes, seen: str
) -> None:
    """RFC 9112, sections 3.2.1 and 3.2.2."""
    assert status_of(talk(gateway.port, get(HOST, path=target))) == 200
    (request,) = services.catalog.seen + services.auth.seen
    assert request.target == seen
    assert request.one("host") == "a"


@pytest.mark.parametrize("blank", [b"\r\n", b"\r\n\r\n"])
def test_blank_lines_before_a_request_are_forgiven(
    gateway: RunningGateway, services: Services, blank: bytes
) -> None:
    """RFC 9112, section 2.2."""
    assert status_of(talk(gateway.port, blank + get(HOST))) == 200


@pytest.mark.parametrize(
    "asked",
    [b"OPTIONS * HTTP/1.1\r\n", b"OPTIONS /products HTTP/1.1\r\nmax-forwards: 0\r\n"],
)
def test_a_request_about_the_server_as_a_whole_is_answered_here(
    gateway: RunningGateway, services: Services, asked: bytes
) -> None:
    """RFC 9110, sections 9.3.7 and 7.6.2."""
    raw = asked + b"host: a\r\nconnection: close\r\n\r\n"

    answers = all_answers(gateway.port, raw)

    assert answers.status == 204
    assert b"allow: get, head, post" in answers.head
    assert services.catalog.seen == []


@pytest.mark.parametrize(
    ("method", "sent", "seen"),
    [("OPTIONS", "3", "2"), ("OPTIONS", "many", "many"), ("GET", "0", "0"), ("GET", "3", "3")],
)
def test_how_far_a_question_may_go_is_counted_down(
    gateway: RunningGateway, services: Services, method: str, sent: str, seen: str
) -> None:
    """RFC 9110, section 7.6.2."""
    talk(gateway.port, f"{method} / HTTP/1.1\r\nhost: a\r\nmax-forwards: {sent}\r\n\r\n".encode())

    (request,) = services.catalog.seen
    assert request.one("max-forwards") == seen
