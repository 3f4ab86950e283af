"""Who may read our answers from other sites: policies, checked without a socket."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.proxy.edge.cors import CorsPolicy, CrossOrigin
from gateway.refusals import Refused

SHOP = "https://shop.example"


@pytest.mark.parametrize(
    ("section", "wrong"),
    [
        ("Fetch 3.2.5: everybody with credentials", {"origins": ["*"], "credentials": True}),
        ("Fetch 3.2.5: everybody and somebody", {"origins": ["*", SHOP]}),
        ("RFC 6454 7.3: null is nobody", {"origins": ["null"]}),
        ("RFC 6454 6.2: a path", {"origins": [SHOP + "/"]}),
        ("RFC 6454 6.2: capitals", {"origins": ["https://Shop.example"]}),
        ("RFC 6454 6.2: a port that goes without saying", {"origins": [SHOP + ":443"]}),
        ("RFC 6454 6.2: the same on http", {"origins": ["http://shop.example:80"]}),
        ("RFC 6454 6.2: no scheme", {"origins": ["shop.example"]}),
        ("RFC 6454 6.2: another scheme", {"origins": ["file://x"]}),
        ("policy: no patterns", {"origins": ["https://*.shop.example"]}),
        ("RFC 9110 9.1: no method", {"origins": [SHOP], "methods": ["get"]}),
        ("RFC 9110 5.1: no field name", {"origins": [SHOP], "headers": ["x y"]}),
        ("policy: fields by name", {"origins": [SHOP], "headers": ["*"]}),
        ("policy: a day at most", {"origins": [SHOP], "max_age": 86_401}),
        ("policy: no unknown words", {"origin": [SHOP]}),
    ],
)
def test_a_policy_that_would_be_dangerous_or_useless_is_refused(
    section: str, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        CorsPolicy.model_validate(wrong)


@pytest.mark.parametrize(
    "origin", [SHOP, "http://localhost:3000", "http://[::1]:3000", "https://a.b-c.example:8443"]
)
def test_an_origin_as_browsers_write_it_is_taken(origin: str) -> None:
    assert CorsPolicy(origins=(origin,)).origins == (origin,)


def test_a_policy_says_nothing_to_strangers_but_that_it_depends_on_them() -> None:
    policy = CrossOrigin(CorsPolicy(origins=(SHOP,), credentials=True, exposed=("ETag",)))

    assert policy.fields(b"https://shop.example") == (
        (b"access-control-allow-origin", b"https://shop.example"),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", b"etag"),
        (b"vary", b"Origin"),
    )
    for stranger in (
        None, b"null", b"", b"https://shop.example.evil", b"https://evil.example",
        b"https://shop.example https://evil.example", b"HTTPS://SHOP.EXAMPLE", b"http://shop.example",
    ):  # fmt: skip
        assert policy.fields(stranger) == ((b"vary", b"Origin"),)


def test_what_everybody_may_read_depends_on_nobody() -> None:
    policy = CrossOrigin(CorsPolicy(origins=("*",)))

    assert policy.fields(b"null") == ((b"access-control-allow-origin", b"*"),)
    assert policy.trusted == frozenset()


def test_a_preflight_hears_the_whole_policy_and_strangers_are_refused() -> None:
    policy = CrossOrigin(
        CorsPolicy(origins=(SHOP,), methods=("PUT",), headers=("X-Cart-Token",), max_age=5)
    )

    said = dict(policy.preflight(b"https://shop.example"))

    assert said[b"access-control-allow-origin"] == b"https://shop.example"
    assert said[b"access-control-allow-methods"] == b"PUT"
    assert said[b"access-control-allow-headers"] == b"x-cart-token"
    assert said[b"access-control-max-age"] == b"5"
    assert b"Origin, Access-Control-Request-Method" in said[b"vary"]
    for stranger in (b"null", b"https://evil.example"):
        with pytest.raises(Refused) as refused:
            policy.preflight(stranger)
        assert refused.value.status == 403
        assert refused.value.headers[0][0] == b"vary"


def test_only_origins_with_credentials_are_trusted_with_cookies() -> None:
    assert CrossOrigin(CorsPolicy(origins=(SHOP,))).trusted == frozenset()
    assert CrossOrigin(CorsPolicy(origins=(SHOP,), credentials=True)).trusted == {SHOP.encode()}
