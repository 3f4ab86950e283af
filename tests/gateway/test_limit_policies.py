"""A limit is written down in a few words, and nonsense is refused with the reason."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.proxy.limits.policy import BadPolicy, LimitPolicy


def test_a_policy_needs_little_and_has_defaults() -> None:
    policy = LimitPolicy.of("browse", {"quota": 600})

    assert policy == LimitPolicy("browse", 600, 60, 600, ("ip",), "shared", 1)
    assert not policy.by_route


def test_a_policy_may_say_everything() -> None:
    said = {"quota": 30, "window": 10, "burst": 5, "key": ["user", "ip"], "partition": "route"}

    policy = LimitPolicy.of("checkout", {**said, "cost": 2})

    assert policy == LimitPolicy("checkout", 30, 10, 5, ("user", "ip"), "route", 2)
    assert policy.by_route


def test_a_count_by_route_is_one_for_each_route() -> None:
    assert LimitPolicy.of("all", {"quota": 1, "key": "route"}).by_route


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "quota is missing"),
        ({"quota": 0}, "quota must be at least 1"),
        ({"quota": "many"}, "quota must be a whole number"),
        ({"quota": True}, "quota must be a whole number"),
        ({"quota": 5, "window": 0}, "window is in seconds"),
        ({"quota": 5, "cost": 6}, "cost must be between"),
        ({"quota": 5, "burst": -1}, "burst must be at least 1"),
        ({"quota": 5_000_000, "window": 1}, "more than can be counted"),
        ({"quota": 1, "window": 86400, "burst": 400}, "more than a year"),
        ({"quota": 5, "key": "shoe-size"}, "key is made of"),
        ({"quota": 5, "key": "user", "guests": 0}, "guests must be at least 1"),
        ({"quota": 5, "guests": 2}, "guests is for limits by user or client"),
        ({"quota": 5, "key": []}, "key is empty"),
        ({"quota": 5, "key": ["ip", "ip"]}, "names a part twice"),
        ({"quota": 5, "partition": "mine"}, "partition is shared or route"),
        ({"quota": 5, "qouta": 6}, "there is no qouta"),
        ({"quota": 5, "name": "other"}, "there is no name"),
    ],
)
def test_nonsense_is_refused_with_the_reason(said: dict[str, Any], why: str) -> None:
    with pytest.raises(BadPolicy, match=f"limits.odd: .*{why}"):
        LimitPolicy.of("odd", said)


def test_a_name_must_fit_into_a_field() -> None:
    with pytest.raises(BadPolicy, match="a name has"):
        LimitPolicy.of('quo"te', {"quota": 1})
