"""What may be kept: RFC 9111, section 3."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from gateway.proxy.caching.freshness import Times
from gateway.proxy.caching.storable import joined, policy_of, storable

NOW = 1_700_000_000
PAST = formatdate(NOW - 1000, usegmt=True)


def kept(
    *fields: tuple[str, str], status: int = 200, authorized: bool = False, hears: bool = True
) -> bool:
    by_name = joined([(name.encode(), value.encode()) for name, value in fields])
    policy = policy_of(status, by_name, Times.of(by_name), NOW, hears=hears)
    return storable(status, by_name, policy, authorized=authorized)


def said(cache_control: str) -> tuple[str, str]:
    return "cache-control", cache_control


@pytest.mark.parametrize(
    ("fields", "status", "expected"),
    [
        ([said("max-age=60")], 200, True),
        ([said("max-age=60")], 201, True),
        ([said("max-age=60")], 302, True),
        ([said("max-age=60")], 403, True),
        ([said("max-age=60")], 500, True),
        ([said("max-age=60")], 599, True),
        ([said("max-age=60")], 206, False),
        ([said("max-age=60")], 304, False),
        ([said("max-age=60")], 103, False),
        ([("expires", formatdate(NOW + 60, usegmt=True))], 302, True),
        ([("last-modified", PAST)], 200, True),
        ([("last-modified", PAST)], 404, True),
        ([("last-modified", PAST)], 302, False),
        ([("last-modified", PAST)], 500, False),
        ([("last-modified", PAST), said("public")], 302, True),
        ([("etag", '"a"')], 200, True),
        ([], 200, False),
        ([said("max-age=0")], 200, False),
        ([said("max-age=0"), ("etag", '"a"')], 200, True),
        ([said("max-age=0, stale-while-revalidate=5")], 200, True),
        ([said("no-cache"), ("etag", '"a"')], 200, True),
        ([said("no-store, max-age=60")], 200, False),
        ([said("max-age=60"), said("no-store")], 200, False),
        ([said("private, max-age=60")], 200, False),
        ([said('private="x-a", max-age=60')], 200, False),
        ([said("private, public, max-age=60")], 200, False),
        ([said("must-understand, no-store, max-age=60")], 200, True),
        ([said("must-understand, no-store, max-age=60")], 599, False),
        ([said("must-understand, max-age=60")], 599, False),
        ([said("must-understand, private, max-age=60")], 200, False),
        ([said("max-age=60"), ("set-cookie", "a=b")], 200, False),
        ([said("max-age=60"), ("vary", "*")], 200, False),
        ([said("max-age=60"), ("vary", "accept, *")], 200, False),
        ([said("max-age=60"), ("vary", "accept"), ("vary", "*")], 200, False),
        ([said("max-age=60"), ("vary", "accept")], 200, True),
    ],
)
def test_an_answer_is_kept_only_if_it_may_be(
    fields: list[tuple[str, str]], status: int, expected: bool
) -> None:
    assert kept(*fields, status=status) is expected


@pytest.mark.parametrize(
    ("cache_control", "expected"),
    [
        ("max-age=60", False),
        ("max-age=60, public", True),
        ("max-age=60, must-revalidate", True),
        ("s-maxage=60", True),
        ("max-age=60, proxy-revalidate", False),
        ("max-age=60, public, private", False),
    ],
)
def test_an_answer_to_a_credential_is_kept_only_if_that_is_said(
    cache_control: str, expected: bool
) -> None:
    """Section 3.5."""
    assert kept(said(cache_control), authorized=True) is expected


def test_what_is_private_to_all_others_may_be_ours_while_we_hear_of_changes() -> None:
    """RFC 9213: the field for us stands in the place of Cache-Control."""
    page = (said("private, no-cache"), ("quintet-cache-control", "max-age=60"))

    assert kept(*page, hears=True)
    assert not kept(*page, hears=False)


def test_a_field_for_us_can_forbid_what_others_may_do() -> None:
    assert not kept(said("public, max-age=60"), ("quintet-cache-control", "no-store"))
    assert not kept(said("public, max-age=60"), ("cdn-cache-control", "no-store"))
