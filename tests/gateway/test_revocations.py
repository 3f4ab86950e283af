"""Whoever was sent away is refused as soon as auth says so, and nobody uncertain gets into the admin."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

from gateway.events.consumed import KeysRotated, SessionRevoked, UserDisabled, UserErased
from shared.events import Event
from tests.gateway.conftest import Services
from tests.gateway.signing import Auth, bearer, key
from tests.gateway.stage import (
    PATIENCE,
    RunningGateway,
    Seen,
    Upstream,
    answer,
    read_body,
    says,
    wait_until,
)
from tests.gateway.test_hearing import deafen, publish
from tests.gateway.test_identity import ASK, a_token, get, knows
from tests.shared.bus.conftest import embedded, rabbitmq, vhost, wire
from tests.shared.bus.wires import Wire

__all__ = ["embedded", "rabbitmq", "vhost", "wire"]  # fixtures

ENDED = "/internal/v1/ended-sessions"
ADMIN = "/admin/catalog/products"

Open = Callable[..., RunningGateway]


class Endings:
    """What auth tells of sessions that have ended."""

    def __init__(self, upstream: Upstream) -> None:
        self.sessions: list[str] = []
        self.asked: list[str] = []
        self.away = False
        upstream.on(ENDED, self._tell)

    async def _tell(
        self, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.asked.append(seen.target)
        if self.away:
            writer.write(answer(b"", status="503 Service Unavailable"))
            return
        at = 1 if "cursor=" in seen.target else 0
        half = len(self.sessions) // 2
        page = self.sessions[half:] if at else self.sessions[:half]
        following = "more" if not at and self.sessions else None
        writer.write(answer(json.dumps({"sessions": page, "next": following}).encode()))


@pytest.fixture
def endings(services: Services) -> Endings:
    return Endings(services.auth)


@pytest.fixture
def auth(services: Services) -> Auth:
    return Auth(services.auth)


@pytest.fixture
def hearing(open_gateway: Open, wire: Wire, endings: Endings, auth: Auth) -> RunningGateway:
    """A gateway that hears, on either bus, and knows who was sent away before."""
    return opened(open_gateway, wire)


def opened(open_gateway: Open, wire: Wire) -> RunningGateway:
    gateway = open_gateway(bus_url=wire.url, hear_events=True)
    wait_until(gateway.app.hearing.hears)
    wait_until(gateway.app.identity.revocations.current)
    return gateway


def status(gateway: RunningGateway, headers: dict[str, str], path: str = "/cart") -> int:
    answered = httpx.get(gateway.url + path, headers=headers, trust_env=False, timeout=PATIENCE)
    return answered.status_code


def test_a_revoked_session_is_refused_when_the_event_is_heard(
    hearing: RunningGateway, wire: Wire
) -> None:
    sid = str(uuid4())
    mine, same, other = bearer(sid=sid), bearer(sid=sid), bearer()
    assert [status(hearing, each) for each in (mine, other)] == [200, 200]

    publish(wire, SessionRevoked(session_id=sid))

    wait_until(lambda: status(hearing, mine) == 401)
    assert [status(hearing, each) for each in (same, other)] == [401, 200]


def test_a_removed_key_is_refused_when_the_event_is_heard(
    hearing: RunningGateway, wire: Wire, auth: Auth
) -> None:
    old, new = bearer(), bearer(key("second"))
    assert status(hearing, old) == 200
    auth.keys = (key("second"),)

    publish(wire, KeysRotated(active_kid="second", kids=["second"]))

    wait_until(lambda: status(hearing, old) == 401)
    assert [status(hearing, each) for each in (bearer(), new)] == [401, 200]


def test_a_rotated_key_goes_on_verifying_beside_the_new_one(
    hearing: RunningGateway, wire: Wire, auth: Auth
) -> None:
    old, new = bearer(), bearer(key("second"))
    assert status(hearing, old) == 200
    auth.keys = (key("second"), key())

    publish(wire, KeysRotated(active_kid="second", kids=["second", "first"]))

    wait_until(lambda: status(hearing, new) == 200)
    assert status(hearing, old) == 200


@pytest.mark.parametrize("event", [UserDisabled, UserErased])
def test_tokens_of_a_closed_account_are_refused_at_once(
    hearing: RunningGateway, wire: Wire, event: Callable[..., Event]
) -> None:
    user = str(uuid4())
    mine, other = bearer(sub=user), bearer()
    assert status(hearing, mine) == 200

    publish(wire, event(user_id=user))

    wait_until(lambda: status(hearing, mine) == 401)
    assert [status(hearing, each) for each in (bearer(sub=user), other)] == [401, 200]


def test_after_a_gap_auth_is_asked_who_was_sent_away_meanwhile(
    hearing: RunningGateway, wire: Wire, endings: Endings
) -> None:
    gone, also, stays = (str(uuid4()) for _ in range(3))
    tokens = {each: bearer(sid=each) for each in (gone, also, stays)}
    assert {status(hearing, each) for each in tokens.values()} == {200}
    endings.sessions = [gone, also]

    deafen(wire)

    wait_until(lambda: status(hearing, tokens[gone]) == 401)
    assert [status(hearing, tokens[each]) for each in (also, stays)] == [401, 200]
    assert any("cursor=more" in each for each in endings.asked)


def test_nobody_uncertain_gets_into_the_admin(
    open_gateway: Open, embedded: Wire, endings: Endings, auth: Auth
) -> None:
    endings.away = True
    gateway = open_gateway(bus_url=embedded.url, hear_events=True)
    wait_until(gateway.app.hearing.hears)
    mine = bearer()

    closed, open_to_all, strangers = (
        status(gateway, mine, ADMIN),
        status(gateway, mine),
        status(gateway, {}, ADMIN),  # the service sends them to sign in
    )
    endings.away = False

    assert (closed, open_to_all, strangers) == (503, 200, 200)
    wait_until(lambda: status(gateway, mine, ADMIN) == 200)


def test_what_takes_a_permission_is_closed_too_by_whatever_route(
    open_gateway: Open, embedded: Wire, services: Services, endings: Endings, auth: Auth
) -> None:
    refund = {"security": [{"accessToken": []}], "x-permissions": ["shop.refund_order"]}
    paths = {"/v1/refund": {"get": refund}, "/v1/orders": {"get": {"security": [{"session": []}]}}}
    said = {"openapi": "3.1.0", "servers": [{"url": "/api/shop"}], "paths": paths}
    services.shop.on("/api/shop/openapi.json", says(answer(json.dumps(said).encode())))
    endings.away = True
    gateway = open_gateway(bus_url=embedded.url, hear_events=True, read_contracts=True)
    wait_until(lambda: gateway.app.hearing.hears() and gateway.app.identity.contracts.known)
    mine, other = bearer(permissions=["shop.refund_order"]), bearer()

    statuses = [
        status(gateway, each, f"/api/shop/v1/{path}")
        for each, path in ((mine, "refund"), (other, "refund"), ({}, "refund"), (mine, "orders"))
    ]
    endings.away = False

    assert statuses == [503, 403, 401, 200]
    wait_until(lambda: status(gateway, mine, "/api/shop/v1/refund") == 200)


def test_a_session_cookie_does_not_get_into_the_admin_either(
    open_gateway: Open, embedded: Wire, services: Services, endings: Endings
) -> None:
    services.auth.on(ASK, knows("abc"))
    endings.away = True
    gateway = open_gateway(bus_url=embedded.url, hear_events=True)
    wait_until(gateway.app.hearing.hears)

    for path in (ADMIN, "/admin/events/", "/admin/gateway/"):
        assert get(gateway, path, "quintet_session=abc").status_code == 503
    assert get(gateway, "/cart", "quintet_session=abc").status_code == 200


def test_while_deaf_the_admin_is_open_as_long_as_auth_tells(
    open_gateway: Open, endings: Endings, auth: Auth
) -> None:
    nowhere = "amqp://guest:guest@127.0.0.1:1/nowhere"
    gateway = open_gateway(bus_url=nowhere, hear_events=True)
    wait_until(gateway.app.identity.revocations.current)
    sid = str(uuid4())
    mine = bearer(sid=sid)
    opened_then = status(gateway, mine, ADMIN)

    endings.sessions = [sid, str(uuid4())]
    wait_until(lambda: status(gateway, mine) == 401)
    endings.away = True
    other = bearer()

    assert opened_then == 200
    wait_until(lambda: status(gateway, other, ADMIN) == 503)
    assert status(gateway, other) == 200
    assert gateway.app.hearing.deaf_seconds() > 1


def test_a_session_revoked_while_it_was_being_looked_up_is_nobodys(
    open_gateway: Open, embedded: Wire, services: Services, endings: Endings
) -> None:
    gateway = opened(open_gateway, embedded)
    looked, tell = threading.Event(), threading.Event()

    async def slow(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_body(seen, reader)
        looked.set()
        await asyncio.to_thread(tell.wait, PATIENCE)
        token = a_token("abc", json.loads(seen.body)["audience"])
        writer.write(answer(json.dumps({"access_token": token, "expires_in": 300}).encode()))

    services.auth.on(ASK, slow)
    with ThreadPoolExecutor(1) as visitors:
        visit = visitors.submit(get, gateway, "/cart", "quintet_session=abc")
        assert looked.wait(PATIENCE)
        publish(embedded, SessionRevoked(session_id="id-of-abc"))
        wait_until(lambda: gateway.app.identity.denied.has_ended("id-of-abc"))
        tell.set()

        assert visit.result().status_code == 200

    assert services.shop.seen[-1].all("authorization") == []


def test_a_token_revoked_while_keys_were_fetched_is_refused(
    open_gateway: Open, embedded: Wire, endings: Endings, auth: Auth
) -> None:
    gateway = opened(open_gateway, embedded)
    sid, keys = str(uuid4()), gateway.app.identity.keys
    loop = gateway.app.clock.loop
    wait_until(lambda: keys.at_hand("first"))
    auth.keys, auth.seconds = (key("second"),), 0.5

    with ThreadPoolExecutor(1) as visitors:
        loop.call_soon_threadsafe(keys.changed, ["second"])
        visit = visitors.submit(status, gateway, bearer(key("second"), sid=sid))
        publish(embedded, SessionRevoked(session_id=sid))

        assert visit.result() == 401


def test_the_figures_say_that_we_do_not_know(
    open_gateway: Open, embedded: Wire, endings: Endings
) -> None:
    endings.away = True
    gateway = open_gateway(bus_url=embedded.url, hear_events=True)
    wait_until(lambda: gateway.app.identity.revocations.unanswered)

    figures = {name: value for name, _, _, _, value in gateway.app.identity.samples()}

    assert figures["revocations_current"] == 0
    assert figures["revocations_unanswered_total"] >= 1
