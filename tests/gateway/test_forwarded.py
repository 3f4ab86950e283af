"""Whom we believe about who is at the far end: RFC 7239, and the older X-Forwarded fields."""

from __future__ import annotations

import pytest

from gateway.proxy.edge.forwarded import Proxies

OURS = Proxies(["10.0.0.0/8", "fd00::/8"])


def asked(*fields: tuple[str, str], peer: str = "10.0.0.1") -> tuple[str, str, bytes]:
    hop = OURS.asked(peer, "http", [(name.encode(), value.encode()) for name, value in fields])
    return hop.client, hop.scheme, hop.lines


def test_a_stranger_speaks_for_itself_only() -> None:
    hop = OURS.direct("9.9.9.9", "https")

    assert hop is not None
    assert (hop.client, hop.scheme) == ("9.9.9.9", "https")
    assert hop.lines == (
        b"x-forwarded-for: 9.9.9.9\r\nx-forwarded-proto: https\r\n"
        b'forwarded: for=9.9.9.9;proto=https;host="'
    )


def test_our_own_load_balancers_must_be_asked() -> None:
    assert OURS.direct("10.1.2.3", "http") is None
    assert OURS.direct("fd00::1", "http") is None
    assert OURS.direct("not an address", "http") is not None
    assert Proxies([]).direct("10.1.2.3", "http") is not None


@pytest.mark.parametrize(
    ("what", "fields", "client"),
    [
        ("nothing said", [], "10.0.0.1"),
        ("one link", [("x-forwarded-for", "9.9.9.9")], "9.9.9.9"),
        ("links of ours are skipped", [("x-forwarded-for", "9.9.9.9, 10.0.0.7")], "9.9.9.9"),
        ("left of the client is hearsay", [("x-forwarded-for", "1.1.1.1, 9.9.9.9, 10.0.0.7")], "9.9.9.9"),
        ("several fields are one", [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "9.9.9.9")], "9.9.9.9"),
        ("all ours: the farthest", [("x-forwarded-for", "10.0.0.9, 10.0.0.7")], "10.0.0.9"),
        ("with a port", [("x-forwarded-for", "9.9.9.9:5000")], "9.9.9.9"),
        ("IPv6", [("x-forwarded-for", "2001:db8::1")], "2001:db8::1"),
        ("IPv6 with a port", [("x-forwarded-for", "[2001:db8::1]:5000")], "2001:db8::1"),
        ("IPv6 in another form", [("x-forwarded-for", "2001:DB8:0::1")], "2001:db8::1"),
        ("rubbish ends the walk", [("x-forwarded-for", "9.9.9.9, rubbish, 10.0.0.7")], "10.0.0.7"),
        ("rubbish alone", [("x-forwarded-for", "rubbish")], "10.0.0.1"),
        ("no address", [("x-forwarded-for", "999.1.1.1")], "10.0.0.1"),
        ("empty links", [("x-forwarded-for", ",,")], "10.0.0.1"),
        ("RFC 7239 4: one element", [("forwarded", "for=9.9.9.9;proto=https")], "9.9.9.9"),
        ("RFC 7239 4: names in capitals", [("forwarded", "For=9.9.9.9")], "9.9.9.9"),
        ("RFC 7239 4: quoted", [("forwarded", 'for="9.9.9.9:80"')], "9.9.9.9"),
        ("RFC 7239 6: IPv6", [("forwarded", 'for="[2001:db8::1]:4711"')], "2001:db8::1"),
        ("RFC 7239 4: a comma in quotes", [("forwarded", 'host="a,b";for=9.9.9.9')], "9.9.9.9"),
        ("RFC 7239 7.1: a list", [("forwarded", "for=1.1.1.1, for=9.9.9.9, for=10.0.0.7")], "9.9.9.9"),
        ("RFC 7239 6.2: unknown", [("forwarded", "for=unknown, for=10.0.0.7")], "10.0.0.7"),
        ("RFC 7239 6.3: obfuscated", [("forwarded", "for=_secret")], "10.0.0.1"),
        ("RFC 7239 4: no for", [("forwarded", "proto=https")], "10.0.0.1"),
        ("both, and they agree", [("x-forwarded-for", "9.9.9.9"), ("forwarded", "for=9.9.9.9")], "9.9.9.9"),
        ("both, and they differ", [("x-forwarded-for", "9.9.9.9"), ("forwarded", "for=8.8.8.8")], "10.0.0.1"),
        ("endless", [("x-forwarded-for", "9.9.9.9," * 1000 + "8.8.8.8")], "10.0.0.1"),
    ],
)  # fmt: skip
def test_the_client_is_the_first_from_the_right_that_is_not_ours(
    what: str, fields: list[tuple[str, str]], client: str
) -> None:
    assert asked(*fields)[0] == client, what


def test_services_hear_of_the_believed_links_only() -> None:
    _, _, told = asked(("x-forwarded-for", "1.1.1.1, 2001:db8::1, 10.0.0.7"))

    assert told == (
        b"x-forwarded-for: 2001:db8::1, 10.0.0.7, 10.0.0.1\r\nx-forwarded-proto: http\r\n"
        b'forwarded: for="[2001:db8::1]", for=10.0.0.7, for=10.0.0.1;proto=http;host="'
    )


@pytest.mark.parametrize(
    ("fields", "scheme"),
    [
        ([("x-forwarded-proto", "https")], "https"),
        ([("x-forwarded-proto", "gopher")], "http"),
        ([("x-forwarded-proto", "http, https")], "https"),
        ([("forwarded", "for=9.9.9.9;proto=https")], "https"),
        ([("forwarded", "for=9.9.9.9;proto=HTTPS")], "https"),
        ([("forwarded", 'for=9.9.9.9;proto="http\r\nx: y"')], "http"),
    ],
)
def test_the_scheme_is_one_of_two(fields: list[tuple[str, str]], scheme: str) -> None:
    assert asked(*fields)[1] == scheme
