"""Made-up session cookies cost auth little, and cost nobody else a session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.proxy.identity.tokens import CacheLimits, SessionTokens
from gateway.proxy.upstream.cluster import cluster_at
from tests.gateway.conftest import Services
from tests.gateway.stage import RunningGateway, connect, wait_until
from tests.gateway.test_identity import ASK, asked, get, knows

Open = Callable[..., RunningGateway]


def test_a_flood_of_made_up_sessions_is_not_asked_about_and_hinders_nobody_who_is_known(
    open_gateway: Open, services: Services
) -> None:
    services.auth.on(ASK, knows("abc"))
    gateway = open_gateway()
    get(gateway, "/cart", "quintet_session=abc")
    made_up = b"GET /cart HTTP/1.1\r\nhost: a\r\ncookie: quintet_session=r%d\r\n\r\n"

    with connect(gateway.port) as flood:
        flood.sendall(b"".join(made_up % n for n in range(400)))
        wait_until(lambda: gateway.app.identity.floods.refused)
        known = get(gateway, "/cart", "quintet_session=abc")
        unknown = get(gateway, "/api/shop/v1/cart", "quintet_session=other")

    assert known.status_code == 200
    assert unknown.status_code == 429
    assert unknown.json()["type"].endswith("too-many-unknown-sessions")
    assert unknown.headers["retry-after"]
    assert asked(services) < 400


def test_a_session_that_was_good_until_now_is_asked_about_in_the_middle_of_a_flood(
    open_gateway: Open, services: Services
) -> None:
    services.auth.on(ASK, knows("abc", lives=0))
    gateway = open_gateway()
    get(gateway, "/cart", "quintet_session=abc")
    for _ in range(1000):
        gateway.app.identity.floods.note("127.0.0.1")

    again = get(gateway, "/cart", "quintet_session=abc")

    assert again.status_code == 200
    assert services.shop.seen[-1].all("authorization")


def test_unknown_sessions_oust_no_real_one_from_memory(services: Services) -> None:
    async def fill() -> SessionTokens:
        pool = cluster_at("auth", [services.auth.url])
        tokens = SessionTokens(pool, CacheLimits(entries=3, strangers=2), lambda: 0.0)
        for name in (b"a", b"b", *(b"r%d" % n for n in range(10))):
            await tokens.ask((name, "shop"))
        pool.replicas[0].pool.close_idle(float("inf"))
        await asyncio.sleep(0.01)
        return tokens

    services.auth.on(ASK, knows("a", "b"))

    tokens = asyncio.run(fill())

    assert len(tokens) == 2
    assert all(tokens.at_hand((name, "shop")) for name in (b"a", b"b", b"r9"))
    assert not tokens.at_hand((b"r0", "shop"))
