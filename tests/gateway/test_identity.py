"""The browser's cookie becomes a token for one service, and nothing else does."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.bus import connect as connect_bus
from shared.bus.protocol import Message
from shared.clock import now
from shared.context import opened
from shared.events import Envelope, Event
from tests.gateway.conftest import Services
from tests.gateway.signing import Auth, bearer
from tests.gateway.stage import (
    RunningGateway,
    Seen,
    answer,
    read_body,
    says,
    wait_until,
)

ASK = "/internal/v1/session-tokens"
Open = Callable[..., RunningGateway]


class SessionRevoked(Event, type="auth.session.revoked.v1", key="session_id"):
    """A session has ended."""

    session_id: str


def a_token(session: str, audience: str) -> str:
    claims = {"sid": f"id-of-{session}", "sub": "user-1", "aud": audience}
    parts = [json.dumps(each).encode() for each in ({"alg": "RS256"}, claims)]
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + ".sig"


def knows(*sessions: str, seconds: float = 0.0, lives: int = 300) -> Any:
    """What auth does: a token for the sessions it knows, 404 for others."""

    async def script(
        seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_body(seen, reader)
        await asyncio.sleep(seconds)
        asked = json.loads(seen.body)
        if asked["session"] not in sessions:
            writer.write(answer(b"{}", status="404 Not Found"))
            return
        token = a_token(asked["session"], asked["audience"])
        writer.write(answer(json.dumps({"access_token": token, "expires_in": lives}).encode()))

    return script


def asked(services: Services) -> int:
    return len([seen for seen in services.auth.seen if seen.target == ASK])


def get(gateway: RunningGateway, path: str, cookie: str, **headers: str) -> httpx.Response:
    return httpx.get(
        gateway.url + path,
        headers={"cookie": cookie} | headers,
        trust_env=False,
        verify=False,
        timeout=30,
    )


@pytest.fixture
def fresh(open_gateway: Open) -> RunningGateway:
    """A gateway that knows nobody yet."""
    return open_gateway()


def test_a_session_cookie_becomes_a_token_for_that_service_only(
    fresh: RunningGateway, services: Services
) -> None:
    services.auth.on(ASK, knows("abc"))

    get(fresh, "/cart", "a=1; quintet_session=abc; quintet_csrf=x")
    get(fresh, "/products/mug", "quintet_session=abc")

    shop, catalog = services.shop.seen[0], services.catalog.seen[0]
    assert shop.one("authorization") == f"Bearer {a_token('abc', 'shop')}"
    assert shop.one("cookie") == "a=1; quintet_csrf=x"
    assert catalog.one("authorization") == f"Bearer {a_token('abc', 'catalog')}"
    assert catalog.all("cookie") == []


def test_the_cookie_is_called_differently_on_https(open_gateway: Open, services: Services) -> None:
    services.auth.on(ASK, knows("abc"))
    gateway = open_gateway(public_url="https://shop.example")

    get(gateway, "/cart", "quintet_session=abc")
    get(gateway, "/cart", "__Host-quintet_session=abc")

    assert [len(seen.all("authorization")) for seen in services.shop.seen] == [0, 1]


def test_auth_is_asked_once_however_many_requests_come(
    fresh: RunningGateway, services: Services
) -> None:
    services.auth.on(ASK, knows("abc", seconds=0.2))

    with ThreadPoolExecutor(10) as clients:
        got = clients.map(lambda _: get(fresh, "/cart", "quintet_session=abc"), range(20))
        statuses = {each.status_code for each in got}

    assert statuses == {200}
    assert asked(services) == 1
    assert all(seen.all("authorization") for seen in services.shop.seen)


def test_a_token_is_renewed_before_it_expires(fresh: RunningGateway, services: Services) -> None:
    services.auth.on(ASK, knows("abc", lives=1))

    get(fresh, "/cart", "quintet_session=abc")
    wait_until(lambda: get(fresh, "/cart", "quintet_session=abc") and asked(services) == 2)

    assert services.shop.seen[-1].all("authorization")


def test_an_unknown_session_is_nobody_and_not_asked_about_again_at_once(
    fresh: RunningGateway, services: Services
) -> None:
    services.auth.on(ASK, knows())

    for _ in range(3):
        get(fresh, "/cart", "quintet_session=old")

    assert asked(services) == 1
    assert [seen.all("authorization") for seen in services.shop.seen] == [[], [], []]
    assert services.shop.seen[0].all("cookie") == []


@pytest.mark.parametrize(
    "raw",
    [
        answer(b"oops", status="500 Internal Server Error"),
        answer(b"no json"),
        answer(b'{"access_token": "not-a-jwt", "expires_in": 300}'),
        answer(b'{"access_token": null}'),
        b"rubbish\r\n\r\n",
    ],
)
def test_auth_in_trouble_never_makes_anybody_a_stranger(
    fresh: RunningGateway, services: Services, raw: bytes
) -> None:
    services.auth.on(ASK, says(raw))

    failed = get(fresh, "/api/shop/v1/cart", "quintet_session=abc")
    services.auth.on(ASK, knows("abc"))
    recovered = get(fresh, "/api/shop/v1/cart", "quintet_session=abc")

    assert (failed.status_code, recovered.status_code) == (503, 200)
    assert failed.headers["content-type"] == "application/problem+json"
    assert len(services.shop.seen) == 1


def test_a_token_of_their_own_passes_unchanged(fresh: RunningGateway, services: Services) -> None:
    Auth(services.auth)
    mine = bearer()

    get(fresh, "/cart", "quintet_session=abc; b=2", **mine)

    (seen,) = services.shop.seen
    assert seen.one("authorization") == mine["authorization"]
    assert seen.one("cookie") == "b=2"
    assert asked(services) == 0


def test_files_are_the_same_for_all(fresh: RunningGateway, services: Services) -> None:
    get(fresh, "/static/shared/site.css", "quintet_session=abc")

    assert asked(services) == 0
    assert services.catalog.seen[0].all("cookie") == []


@pytest.mark.parametrize("cookie", ["quintet_session=", f"quintet_session={'a' * 300}", "x"])
def test_cookies_that_cannot_be_ours_are_not_asked_about(
    fresh: RunningGateway, services: Services, cookie: str
) -> None:
    get(fresh, "/cart", cookie)

    assert asked(services) == 0
    assert services.shop.seen[0].all("authorization") == []


def test_signing_out_is_forgotten_before_the_next_request(
    fresh: RunningGateway, services: Services
) -> None:
    services.auth.on(ASK, knows("abc"))
    gone = "set-cookie: quintet_session=; Max-Age=0; Path=/"
    services.auth.on("/account/logout", says(answer(b"bye", gone)))
    get(fresh, "/cart", "quintet_session=abc")

    get(fresh, "/account/logout", "quintet_session=abc")
    services.auth.on(ASK, knows())
    get(fresh, "/cart", "quintet_session=abc")

    assert services.shop.seen[-1].all("authorization") == []


def test_a_revoked_session_is_forgotten_when_the_event_is_heard(
    open_gateway: Open, services: Services, tmp_path: Path
) -> None:
    bus_url = f"embedded:{tmp_path}/bus.db"
    gateway = open_gateway(bus_url=bus_url, hear_events=True)
    wait_until(gateway.app.hearing.hears)
    services.auth.on(ASK, knows("abc", "other"))
    for session in ("abc", "other"):
        get(gateway, "/cart", f"quintet_session={session}")
    services.auth.on(ASK, knows())

    publish(bus_url, SessionRevoked(session_id="id-of-abc"))

    wait_until(
        lambda: get(gateway, "/cart", "quintet_session=abc") and not latest(services.shop.seen)
    )
    get(gateway, "/cart", "quintet_session=other")
    assert latest(services.shop.seen)


def latest(seen: list[Seen]) -> list[str]:
    return seen[-1].all("authorization")


def publish(bus_url: str, event: Event) -> None:
    envelope = Envelope.around(event, id="1", source="/auth", time=now(), by=opened(None, None))
    bus = connect_bus(bus_url, client="test")
    publisher = bus.publisher()
    publisher.publish([Message(id="1", type=event.TYPE, body=envelope.to_json())])
    publisher.close()
    bus.close()


def test_a_client_that_leaves_does_not_spoil_the_answer_for_others(
    fresh: RunningGateway, services: Services
) -> None:
    services.auth.on(ASK, knows("abc", seconds=0.3))

    with ThreadPoolExecutor(2) as clients:
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(
                f"{fresh.url}/cart",
                headers={"cookie": "quintet_session=abc"},
                trust_env=False,
                verify=False,
                timeout=0.1,
            )
        staying = clients.submit(get, fresh, "/cart", "quintet_session=abc").result()

    assert staying.status_code == 200
    assert asked(services) == 1


def test_the_memory_is_bounded(services: Services) -> None:
    from gateway.proxy.identity.tokens import CacheLimits, SessionTokens
    from gateway.proxy.upstream.cluster import cluster_at

    async def fill() -> SessionTokens:
        pool = cluster_at("auth", [services.auth.url])
        tokens = SessionTokens(pool, CacheLimits(entries=3), lambda: 0.0)
        for n in range(10):
            await tokens.ask((b"s%d" % n, "shop"))
        pool.replicas[0].pool.close_idle(float("inf"))
        await asyncio.sleep(0.01)
        return tokens

    services.auth.on(ASK, knows(*(f"s{n}" for n in range(10))))

    tokens = asyncio.run(fill())

    assert len(tokens) == 3
    assert tokens.at_hand((b"s9", "shop"))
    assert not tokens.at_hand((b"s0", "shop"))
    tokens.evict("user-1")
    assert len(tokens) == 0
