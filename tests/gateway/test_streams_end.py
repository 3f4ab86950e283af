"""Streams that are open end with the sign-in that opened them; those of others stay."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.gateway.conftest import Services
from tests.gateway.signing import Auth, bearer
from tests.gateway.stage import PATIENCE, Loop, RunningGateway, Seen, answer, get, wait_until
from tests.gateway.stage import connect as dial
from tests.gateway.talkers import Talker, echo
from tests.gateway.test_identity import ASK, knows

Open = Callable[..., RunningGateway]
EVENTS = "/api/shop/v1/orders/1/events"


@pytest.fixture
def auth(services: Services) -> Auth:
    return Auth(services.auth)


def revoke(gateway: RunningGateway, session: str) -> None:
    ended = gateway.app.identity.revocations.session_ended
    gateway.app.clock.loop.call_soon_threadsafe(ended, session)


def send_away(gateway: RunningGateway, user: str) -> None:
    left = gateway.app.identity.revocations.user_left
    gateway.app.clock.loop.call_soon_threadsafe(left, user)


async def news(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Events without end."""
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    while True:
        writer.write(b"9\r\ndata: x\n\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


async def so_much_news(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Events of a length that was promised, and is long in coming."""
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 900000\r\n\r\n"
    )
    while True:
        writer.write(b"data: x\n\n")
        await writer.drain()
        await asyncio.sleep(0.02)


Listen = Callable[..., Callable[[], bool]]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Opens streams of events; what it returns says whether the stream has ended."""
    with ExitStack() as stack:

        def begin(gateway: RunningGateway, **headers: str) -> Callable[[], bool]:
            client = stack.enter_context(dial(gateway.port))
            fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            client.sendall(f"GET {EVENTS} HTTP/1.1\r\nhost: a\r\n{fields}\r\n".encode())
            assert b"200 OK" in client.recv(20)
            client.settimeout(0.5)
            return lambda: has_ended(client)

        yield begin


def has_ended(client: socket.socket) -> bool:
    try:
        return client.recv(100_000) == b""
    except TimeoutError:
        return False


def test_a_stream_of_events_ends_with_its_session(
    open_gateway: Open, services: Services, auth: Auth, listen: Listen
) -> None:
    services.shop.on(EVENTS, news)
    services.auth.on(ASK, knows("abc"))
    gateway = open_gateway()
    mine = listen(gateway, **bearer(sid="mine"))
    by_cookie = listen(gateway, cookie="quintet_session=abc")
    other, stranger = listen(gateway, **bearer()), listen(gateway)

    revoke(gateway, "mine")
    wait_until(mine)
    revoke(gateway, "id-of-abc")
    wait_until(by_cookie)

    assert not other()
    assert not stranger()
    wait_until(lambda: services.shop.open == 2)


def test_a_stream_of_events_that_says_its_length_ends_with_its_session_too(
    open_gateway: Open, services: Services, auth: Auth, listen: Listen
) -> None:
    services.shop.on(EVENTS, so_much_news)
    gateway = open_gateway()
    mine, stranger = listen(gateway, **bearer(sid="mine")), listen(gateway)

    revoke(gateway, "mine")
    wait_until(mine)

    assert not stranger()
    wait_until(lambda: services.shop.open == 1)


def test_a_websocket_is_told_goodbye_when_its_user_is_sent_away(
    open_gateway: Open, services: Services, auth: Auth, loop: Loop
) -> None:  # RFC 6455, section 7.4.1
    user = str(uuid4())
    with closing(Talker(loop, echo)) as talker:
        gateway = open_gateway(shop_url=talker.url)
        with talk(gateway, **bearer(sub=user)) as mine, talk(gateway, **bearer()) as other:
            send_away(gateway, user)

            with pytest.raises(ConnectionClosed) as closed:
                mine.recv(timeout=PATIENCE)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1001
            other.send("still here")
            assert other.recv(timeout=PATIENCE) == "still here"


def talk(gateway: RunningGateway, **headers: str) -> ClientConnection:
    socket: ClientConnection = connect(
        f"ws://127.0.0.1:{gateway.port}/orders/live", additional_headers=headers, proxy=None
    )
    return socket


def test_what_has_ended_is_counted(
    open_gateway: Open, services: Services, auth: Auth, listen: Listen
) -> None:
    services.shop.on(EVENTS, news)
    gateway = open_gateway()
    mine = listen(gateway, **bearer(sid="mine"))

    revoke(gateway, "mine")
    wait_until(mine)

    figures = {name: value for name, _, _, _, value in gateway.app.identity.samples()}
    assert figures["streams_ended_total"] == 1


class Held:
    """A service that answers when we let it."""

    def __init__(self) -> None:
        self.asked = self.released = False

    async def wait(self, *_: Any) -> None:
        self.asked = True
        while not self.released:  # noqa: ASYNC110 - another thread says so
            await asyncio.sleep(0.01)

    async def news(self, _: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: x\n\n")
        await writer.drain()
        await asyncio.sleep(0.3)

    async def bye(self, _: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.wait()
        writer.write(answer(b"bye"))

    def release_after(self, gateway: RunningGateway, happens: Callable[[], None]) -> None:
        """Let it answer once this has happened, and all have had the time to notice."""
        wait_until(lambda: self.asked)
        happens()
        now = gateway.app.clock.now
        wait_until(lambda: gateway.app.clock.now > now + 3 * gateway.app.clock.tick)
        self.released = True


def test_no_stream_begins_for_a_session_that_ended_while_the_service_thought_about_it(
    open_gateway: Open, services: Services, auth: Auth
) -> None:
    held = Held()
    services.shop.on(EVENTS, held.news)
    gateway = open_gateway()

    with ThreadPoolExecutor(1) as client:
        asked = client.submit(get, gateway.url + EVENTS, **bearer(sid="mine"))
        held.release_after(gateway, lambda: revoke(gateway, "mine"))
        refused = asked.result()

    assert refused.status_code == 401
    assert "invalid_token" in refused.headers["www-authenticate"]  # RFC 6750, section 3.1
    wait_until(lambda: services.shop.open == 0)


def test_no_websocket_opens_for_a_user_who_was_sent_away_during_its_handshake(
    open_gateway: Open, services: Services, auth: Auth, loop: Loop
) -> None:
    held, user = Held(), str(uuid4())
    with closing(Talker(loop, echo, process_request=held.wait)) as talker:
        gateway = open_gateway(shop_url=talker.url)
        with ThreadPoolExecutor(1) as client:
            asked = client.submit(talk, gateway, **bearer(sub=user))
            held.release_after(gateway, lambda: send_away(gateway, user))

            with pytest.raises(InvalidStatus) as refused:
                asked.result()

    assert refused.value.response.status_code == 401


def test_whoever_signs_out_still_gets_the_answer(
    open_gateway: Open, services: Services, auth: Auth
) -> None:
    held = Held()
    services.auth.on("/api/auth/v1/bye", held.bye)
    gateway = open_gateway()

    with ThreadPoolExecutor(1) as client:
        asked = client.submit(get, f"{gateway.url}/api/auth/v1/bye", **bearer(sid="mine"))
        held.release_after(gateway, lambda: revoke(gateway, "mine"))

        assert asked.result().text == "bye"


def test_no_stream_begins_for_a_user_who_was_sent_away_while_auth_was_asked_who_it_is(
    open_gateway: Open, services: Services
) -> None:
    held = Held()
    tell = knows("abc")

    async def ask(*exchange: Any) -> None:
        await held.wait()
        await tell(*exchange)

    services.auth.on(ASK, ask)
    gateway = open_gateway()

    with ThreadPoolExecutor(1) as client:
        asked = client.submit(get, f"{gateway.url}/cart", cookie="quintet_session=abc")
        held.release_after(gateway, lambda: send_away(gateway, "user-1"))
        asked.result()

    assert services.shop.seen[0].all("authorization") == []
