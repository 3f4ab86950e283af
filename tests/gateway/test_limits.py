"""What clients are told of their limits (draft-ietf-httpapi-ratelimit-headers-11), and by whom
requests are counted."""

from __future__ import annotations

import json
import re

import pytest

from gateway.pages.errors import problem
from gateway.proxy.limits.policy import LimitPolicy
from gateway.refusals import Refused
from tests.gateway.counted import CART, Asked, Route, Watch, how_many_pass, limits_of, passes

ITEM = re.compile(r'"([a-z\-]+)";r=(\d+);t=(\d+)(?:;pk=:([A-Za-z0-9+/]{12}):)?')


def left(asked: Asked) -> list[tuple[str, int, int]]:
    """Section 4: for each policy its name, `r` and `t`."""
    items = [ITEM.fullmatch(item) for item in asked.fields["ratelimit"].split(", ")]
    return [(item[1], int(item[2]), int(item[3])) for item in items if item]


def test_every_answer_tells_the_policy_and_what_is_left() -> None:
    limits = limits_of(LimitPolicy("browse", 600, 60, burst=100))
    first, second = Asked(), Asked()

    assert passes(limits, first)
    assert passes(limits, second)

    policy = first.fields["ratelimit-policy"]
    assert re.fullmatch(r'"browse";q=600;w=60;pk=:[A-Za-z0-9+/]{12}:', policy)  # section 3.1
    assert second.fields["ratelimit-policy"] == policy
    assert (left(first), left(second)) == ([("browse", 99, 1)], [("browse", 98, 1)])


def test_a_slow_policy_tells_when_the_next_unit_comes_back() -> None:
    watch, asked = Watch(), Asked()
    limits = limits_of(LimitPolicy("register", 20, 3600), watch=watch)
    passes(limits, Asked())
    watch.move(100)

    passes(limits, asked)

    assert left(asked) == [("register", 18, 80)]


def test_a_refusal_says_which_policy_and_when_to_come_back() -> None:
    limits = limits_of(LimitPolicy("register", 20, 3600, burst=2))
    how_many_pass(limits, 2)
    asked = Asked()

    with pytest.raises(Refused) as caught:
        limits.check(asked)

    refused = caught.value
    body = json.loads(problem(refused, "some-id"))
    assert refused.status == 429
    assert dict(refused.headers)[b"retry-after"] == b"180"  # not before `t`: section 6
    assert left(asked) == [("register", 0, 180)]
    assert body["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert body["violated-policies"] == ["register"]  # section 5.1
    assert (body["status"], body["request_id"]) == (429, "some-id")


def test_coming_back_when_told_to_is_enough() -> None:
    watch = Watch()
    limits = limits_of(LimitPolicy("odd", 7, 60, cost=3), watch=watch)
    how_many_pass(limits, 5)
    asked = Asked()
    assert not passes(limits, asked)

    watch.move(left(asked)[0][2])

    assert passes(limits, Asked())


def test_a_request_takes_of_all_its_policies_or_of_none() -> None:
    wide, narrow = LimitPolicy("wide", 10, 60), LimitPolicy("narrow", 2, 60, key=("user",))
    limits = limits_of(wide, narrow)

    assert how_many_pass(limits, 8, subject="ann") == 2
    asked = Asked(subject="bob")
    passes(limits, asked)

    assert left(asked) == [("wide", 7, 6), ("narrow", 1, 30)]
    assert asked.fields["ratelimit-policy"].count('";q=') == 2


def test_users_have_a_limit_each_wherever_they_are_and_guests_one_by_address() -> None:
    limits = limits_of(LimitPolicy("cart", 3, 60, key=("user",)))

    assert how_many_pass(limits, 5, subject="ann", client="192.0.2.1") == 3
    assert how_many_pass(limits, 5, subject="ann", client="192.0.2.2") == 0
    assert how_many_pass(limits, 5, subject="bob", client="192.0.2.1") == 3
    assert how_many_pass(limits, 5, client="192.0.2.1") == 3
    assert how_many_pass(limits, 5, client="192.0.2.2") == 3


def test_an_address_without_users_may_have_more_because_many_may_be_behind_it() -> None:
    limits = limits_of(LimitPolicy("checkout", 3, 60, key=("user",), guests=4))
    asked = Asked()
    passes(limits, asked)

    assert how_many_pass(limits, 50, subject="ann") == 3
    assert how_many_pass(limits, 50) == 11
    assert asked.fields["ratelimit-policy"].startswith('"checkout";q=12;w=60;')


def test_nobody_can_call_themselves_by_the_address_of_another() -> None:
    limits = limits_of(LimitPolicy("cart", 3, 60, key=("user",)))

    how_many_pass(limits, 3, subject="192.0.2.9")

    assert how_many_pass(limits, 3, client="192.0.2.9") == 3


def test_clients_are_counted_by_their_id() -> None:
    limits = limits_of(LimitPolicy("token", 3, 60, key=("client",)))

    assert how_many_pass(limits, 5, client_id="app", client="192.0.2.1") == 3
    assert how_many_pass(limits, 5, client_id="app", client="192.0.2.2") == 0
    assert how_many_pass(limits, 5, client_id="tool", client="192.0.2.2") == 3


def test_a_key_of_several_parts_keeps_them_apart() -> None:
    limits = limits_of(LimitPolicy("both", 1, 60, key=("user", "ip")))

    assert how_many_pass(limits, 2, subject="ann", client="192.0.2.1") == 1
    assert how_many_pass(limits, 2, subject="ann", client="192.0.2.2") == 1
    assert how_many_pass(limits, 2, subject="a", client="nn") == 1
    assert how_many_pass(limits, 2, subject="an", client="n") == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:DB8:0:0:f::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_an_address_of_version_6_counts_as_its_network(one: str, other: str, same: bool) -> None:
    limits = limits_of(LimitPolicy("browse", 1, 60))

    passes(limits, Asked(client=one))

    assert passes(limits, Asked(client=other)) is not same


@pytest.mark.parametrize(
    "hostile", ["", "unknown", ":" * 5_000, 'a";r=1', "a\r\nset-cookie: x", "\udcff", "a:%" * 999]
)
def test_no_key_breaks_counting_or_gets_into_a_field(hostile: str) -> None:
    limits = limits_of(LimitPolicy("browse", 2, 60, key=("user", "client", "ip")))
    asked = Asked(client=hostile, subject=hostile, client_id=hostile)

    assert passes(limits, asked)

    assert len(left(asked)) == 1
    assert how_many_pass(limits, 2, client=hostile, subject=hostile, client_id=hostile) == 1


def test_routes_share_a_policy_unless_it_is_counted_by_route() -> None:
    routes = [Route("a", ("shared", "own")), Route("b", ("shared", "own"))]
    policies = LimitPolicy("shared", 5, 60), LimitPolicy("own", 3, 60, partition="route")
    limits = limits_of(*policies, routes=routes)

    passed = [sum(passes(limits, Asked(route=route)) for _ in range(9)) for route in routes]

    assert passed == [3, 2]


def test_a_route_can_have_one_count_for_everybody() -> None:
    limits = limits_of(LimitPolicy("all", 3, 60, key=("route",)))
    asked = Asked()
    passes(limits, asked)

    assert sum(passes(limits, Asked(client=f"192.0.2.{n}")) for n in range(9)) == 2
    assert "pk" not in asked.fields["ratelimit"]  # there is only one partition


def test_routes_without_a_limit_say_nothing() -> None:
    limits = limits_of(LimitPolicy("browse", 1, 60))
    asked = Asked(route=Route("healthz"))

    assert limits.check(asked) is None
    assert asked.extra == []


def test_new_routes_go_on_from_what_was_counted() -> None:
    limits = limits_of(LimitPolicy("browse", 3, 60), LimitPolicy("old", 3, 60))
    how_many_pass(limits, 2)

    CART.limits = ("browse",)
    limits.load({"browse": LimitPolicy("browse", 6, 60)}, [CART])

    assert how_many_pass(limits, 9) == 2


def test_a_file_with_an_unknown_policy_changes_nothing() -> None:
    limits = limits_of(LimitPolicy("browse", 3, 60))
    how_many_pass(limits, 2)

    with pytest.raises(KeyError, match="browes"):
        limits.load({}, [Route("cart", ("browes",))])

    assert how_many_pass(limits, 9) == 1


def test_figures_tell_refusals_and_keys() -> None:
    limits = limits_of(LimitPolicy("browse", 3, 60))
    how_many_pass(limits, 5)
    how_many_pass(limits, 1, client="192.0.2.2")

    figures = {(name, labels["policy"]): value for name, _, _, labels, value in limits.samples()}

    assert figures["limit_refused_total", "browse"] == 2
    assert figures["limit_keys", "browse"] == 2
