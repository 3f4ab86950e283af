"""What of a service's answer reaches the client, and what the gateway adds to it."""

from __future__ import annotations

import httpx
import pytest

from tests.gateway.conftest import Open, Services
from tests.gateway.raw import named
from tests.gateway.stage import RunningGateway, answer, get, says, wait_until

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"


def test_what_runs_inside_is_nobodys_business(client: httpx.Client, services: Services) -> None:
    inside = (
        "server: gunicorn", "x-powered-by: Flask", "x-aspnet-version: 4", "x-runtime: 0.1",
        "x-internal-node: shop-3", "x-internal-cost: 7", "x-accel-redirect: /secret",
        "x-sendfile: /etc/passwd", "x-forwarded-for: 10.0.0.1", "x-debug-query: SELECT",
        "alt-svc: h3=\":443\"", "proxy-authenticate: Basic", "x-request-id: theirs",
    )  # fmt: skip
    services.catalog.on("/", says(answer(b"x", *inside, "x-total: 7", 'etag: "1"')))

    for _ in range(2):
        names = set(client.get("/").headers)
        assert names.isdisjoint(
            each.partition(":")[0] for each in inside if "request-id" not in each
        )
        assert client.get("/").headers["x-request-id"] != "theirs"
        assert {"etag", "x-total"} <= names


@pytest.mark.parametrize("cache_bytes", [0, 1_000_000])
@pytest.mark.parametrize("path", ["/", "/api/shop/x"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_what_services_say_to_the_cache_stays_inside(
    open_gateway: Open, services: Services, cache_bytes: int, path: str, method: str
) -> None:
    """With a cache and without, on routes that use it and on others."""
    words = ("Quintet-Cache-Control: max-age=9", 'Cache-Groups: "a"', "x-total: 7")
    raw = answer(b"", *words, 'Cache-Group-Invalidation: "a"')
    for service in (services.catalog, services.shop):
        service.on(path, says(raw))
    gateway = open_gateway(cache_bytes=cache_bytes)

    names = set(httpx.request(method, gateway.url + path, trust_env=False).headers)

    assert "x-total" in names
    assert not {each for each in names if each.startswith(("quintet-", "cache-group"))}


def test_every_answer_says_what_browsers_need_to_hear(
    client: httpx.Client, services: Services
) -> None:
    services.catalog.on("/", says(answer(b"x")))

    fields = client.get("/").headers

    assert fields["x-content-type-options"] == "nosniff"
    assert fields["referrer-policy"] == "strict-origin-when-cross-origin"
    assert "strict-transport-security" not in fields
    assert "content-security-policy" not in fields


def test_a_site_on_https_says_so(open_gateway: Open, services: Services) -> None:
    """RFC 6797, section 7.1."""
    services.catalog.on("/", says(answer(b"x")))
    gateway = open_gateway(public_url="https://shop.example")

    assert get(gateway.url).headers["strict-transport-security"].startswith("max-age=31536000")


def test_what_the_service_says_about_safety_is_left_as_it_is(
    client: httpx.Client, services: Services
) -> None:
    services.catalog.on("/", says(answer(b"x", "Referrer-Policy: no-referrer")))

    fields = client.get("/").headers

    assert fields.get_list("referrer-policy") == ["no-referrer"]
    assert fields.get_list("x-content-type-options") == ["nosniff"]


def test_our_own_pages_may_not_be_framed(client: httpx.Client) -> None:
    """Content Security Policy, level 3, section 6.4.2."""
    refused = client.get("/internal/x", headers={"Accept": "text/html"})

    assert "frame-ancestors 'none'" in refused.headers["content-security-policy"]
    assert refused.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("section", "raw"),
    [
        ("RFC 9112 6.3: two lengths", OK + b"content-length: 3\r\ncontent-length: 4\r\n\r\nabcd"),
        ("RFC 9112 6.3: the same twice", OK + b"content-length: 3\r\ncontent-length: 3\r\n\r\nabc"),
        ("RFC 9112 6.3: list of lengths", OK + b"content-length: 3, 3\r\n\r\nabc"),
        ("RFC 9110 8.6: no number", OK + b"content-length: abc\r\n\r\nabc"),
        ("RFC 9110 8.6: negative", OK + b"content-length: -1\r\n\r\n"),
        ("RFC 9112 6.1: length and chunks", OK + CHUNKED + b"content-length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        ("RFC 9112 6.1: unknown coding", OK + b"transfer-encoding: gzip\r\n\r\nabc"),
        ("RFC 9112 6.1: coding before chunks", OK + b"transfer-encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        ("RFC 9112 6.1: chunks twice", OK + CHUNKED + CHUNKED + b"\r\n3\r\nabc\r\n0\r\n\r\n"),
        ("RFC 9112 4: no HTTP", b"hello\r\n\r\n"),
        ("RFC 9112 4: unknown version", b"HTTP/3.7 200 OK\r\ncontent-length: 0\r\n\r\n"),
        ("RFC 9112 2.3: version 2.0", b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n"),
        ("RFC 9112 2.3: version 0.9", b"HTTP/0.9 200 OK\r\ncontent-length: 0\r\n\r\n"),
        ("RFC 9112 6.1: chunks on HTTP/1.0", b"HTTP/1.0 200 OK\r\n" + CHUNKED + b"\r\n3\r\nabc\r\n0\r\n\r\n"),
        ("RFC 9110 15: status 099", b"HTTP/1.1 099 OK\r\ncontent-length: 0\r\n\r\n"),
        ("RFC 9110 15: status 000", b"HTTP/1.1 000 OK\r\ncontent-length: 0\r\n\r\n"),
        ("RFC 9110 15: status 600", b"HTTP/1.1 600 OK\r\ncontent-length: 0\r\n\r\n"),
        ("policy: 501 fields", OK + b"x: y\r\n" * 500 + b"content-length: 0\r\n\r\n"),
        ("RFC 9112 4: no status", b"HTTP/1.1 OK\r\ncontent-length: 0\r\n\r\n"),
        ("RFC 9112 5.1: space before the colon", OK + b"x : y\r\ncontent-length: 0\r\n\r\n"),
        ("RFC 9112 5.2: obs-fold", OK + b"x: y\r\n z\r\ncontent-length: 0\r\n\r\n"),
        ("RFC 9110 5.5: NUL in a value", OK + b"x: a\0b\r\ncontent-length: 0\r\n\r\n"),
        ("RFC 9112 2.2: bare CR in a value", OK + b"x: a\rb\r\ncontent-length: 0\r\n\r\n"),
        ("RFC 9112 2.2: lines end with LF", b"HTTP/1.1 200 OK\ncontent-length: 0\n\n"),
    ],
    ids=named,
)  # fmt: skip
def test_an_answer_whose_end_is_in_doubt_becomes_a_502(
    gateway: RunningGateway, services: Services, section: str, raw: bytes
) -> None:
    services.catalog.on("/", says(raw))

    response = get(gateway.url)

    assert response.status_code == 502, section
    assert response.headers["content-type"] == "application/problem+json", section
    wait_until(lambda: services.catalog.open == 0)


def test_bytes_behind_an_answer_never_meet_the_next_request(
    gateway: RunningGateway, services: Services
) -> None:
    """RFC 9112, section 9.2."""
    services.catalog.on("/first", says(answer(b"1") + answer(b"smuggled")))
    services.catalog.on("/second", says(answer(b"2")))

    with httpx.Client(base_url=gateway.url, trust_env=False, verify=False) as client:
        first = client.get("/first")
        second = client.get("/second")

    assert b"smuggled" not in first.content + second.content
    assert second.text == "2"
