"""WebSockets through the gateway, with a library at both ends: RFC 6455."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.gateway.conftest import Services, settings_for
from tests.gateway.stage import PATIENCE, Loop, RunningGateway, wait_until
from tests.gateway.talkers import Handler, Talker, echo
from tests.gateway.test_identity import ASK, knows

Talking = Callable[..., tuple[RunningGateway, Talker]]


@pytest.fixture(scope="module")
def _usual(loop: Loop, _standing: Services) -> Iterator[tuple[RunningGateway, Talker]]:
    with closing(Talker(loop)) as talker:
        settings = settings_for(_standing, shop_url=talker.url)
        with closing(RunningGateway(settings)) as gateway:
            yield gateway, talker


@pytest.fixture
def talking(
    _usual: tuple[RunningGateway, Talker], open_gateway: Callable[..., RunningGateway], loop: Loop
) -> Iterator[Talking]:
    """A service that talks and a gateway before it: the usual ones, unless options are given."""
    with ExitStack() as stack:

        def begin(handler: Handler = echo, **options: Any) -> tuple[RunningGateway, Talker]:
            if not options:
                _usual[1].reset(handler)
                return _usual
            settings = options.pop("settings", {})
            talker = stack.enter_context(closing(Talker(loop, handler, **options)))
            return open_gateway(shop_url=talker.url, **settings), talker

        yield begin


def dial(gateway: RunningGateway, path: str = "/orders/live", **more: Any) -> ClientConnection:
    socket: ClientConnection = connect(
        f"ws://127.0.0.1:{gateway.port}{path}", max_size=None, proxy=None, **more
    )
    return socket


def test_what_is_said_comes_back(talking: Talking) -> None:
    gateway, _ = talking()

    with dial(gateway) as socket:
        for said in ("hello", "", "\u00e4\U0001f355", b"", b"\x00\xff" * 10):
            socket.send(said)
            assert socket.recv(timeout=PATIENCE) == said


@pytest.mark.parametrize("size", [125, 126, 65_535, 65_536, 5_000_000])
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_messages_of_every_length_pass(
    talking: Talking, size: int, compression: str | None
) -> None:
    """Section 5.2: 7, 16 and 64 bits of length. RFC 7692: compression is their own business."""
    gateway, _ = talking()
    message = bytes(range(256)) * (size // 256 + 1)

    with dial(gateway, compression=compression) as socket:
        socket.send(message[:size])

        assert socket.recv(timeout=PATIENCE) == message[:size]
        assert bool(socket.protocol.extensions) is (compression is not None)


def test_fragments_pass_as_they_come(talking: Talking) -> None:
    """Section 5.4."""

    async def piecewise(socket: ServerConnection) -> None:
        pieces = [piece async for piece in socket.recv_streaming()]
        await socket.send([*pieces, b"!"])

    gateway, _ = talking(piecewise)

    with dial(gateway, compression=None) as socket:
        socket.send([b"a" * 1000] * 1000)

        assert socket.recv(timeout=PATIENCE) == b"a" * 1_000_000 + b"!"


def test_many_messages_under_way_stay_in_order(talking: Talking) -> None:
    gateway, _ = talking()

    with dial(gateway) as socket:
        for number in range(2000):
            socket.send(str(number))
        got = [socket.recv(timeout=PATIENCE) for _ in range(2000)]

    assert got == [str(number) for number in range(2000)]


def test_pings_are_answered_by_the_far_end(talking: Talking) -> None:
    """Section 5.5.2."""

    async def ping(socket: ServerConnection) -> None:
        waiter = await socket.ping(b"down")
        await asyncio.wait_for(waiter, PATIENCE)
        await socket.send("heard")
        await socket.wait_closed()

    gateway, _ = talking(ping)

    with dial(gateway) as socket:
        assert socket.ping(b"up").wait(PATIENCE)
        assert socket.recv(timeout=PATIENCE) == "heard"


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1008, 1011, 3000, 4999])
def test_the_service_says_goodbye_in_its_own_words(talking: Talking, code: int) -> None:
    """Section 7.4."""

    async def leave(socket: ServerConnection) -> None:
        await socket.close(code, "gr\u00fc\u00dfe")

    gateway, talker = talking(leave)

    with dial(gateway) as socket, pytest.raises(ConnectionClosed):
        socket.recv(timeout=PATIENCE)

    assert (socket.close_code, socket.close_reason) == (code, "gr\u00fc\u00dfe")
    wait_until(lambda: talker.closed == [(code, "gr\u00fc\u00dfe")])


def test_the_client_says_goodbye_in_its_own_words(talking: Talking) -> None:
    gateway, talker = talking()

    with dial(gateway) as socket:
        socket.close(4321, "enough")

    wait_until(lambda: talker.closed == [(4321, "enough")])
    wait_until(lambda: not gateway.app.clock.in_flight)


def test_the_first_words_of_the_service_may_come_with_its_handshake(talking: Talking) -> None:
    async def greet(socket: ServerConnection) -> None:
        await socket.send("welcome")
        await socket.wait_closed()

    gateway, _ = talking(greet)

    for _ in range(20):
        with dial(gateway) as socket:
            assert socket.recv(timeout=PATIENCE) == "welcome"


def test_a_subprotocol_is_agreed_on_by_the_ends(talking: Talking) -> None:
    """Section 4.2.2."""
    gateway, _ = talking(subprotocols=["v2.orders"])

    with dial(gateway, subprotocols=["v1.orders", "v2.orders"]) as socket:
        assert socket.subprotocol == "v2.orders"


def test_the_handshake_is_rebuilt_like_every_request(talking: Talking) -> None:
    gateway, talker = talking()
    headers = {"X-User": "root", "X-Forwarded-For": "9.9.9.9", "X-Own": "kept"}

    with dial(gateway, "/orders/live?since=3", additional_headers=headers) as socket:
        answered = socket.response

    wait_until(lambda: talker.requests)
    (request,) = talker.requests
    assert request.path == "/orders/live?since=3"
    assert "X-User" not in request.headers
    assert request.headers["X-Forwarded-For"] == "127.0.0.1"
    assert request.headers["X-Own"] == "kept"
    assert len(request.headers["Traceparent"]) == 55
    assert answered is not None
    assert "Server" not in answered.headers
    assert answered.headers["X-Request-ID"] == request.headers["X-Request-ID"]


def test_who_opens_a_websocket_is_told_to_the_service_by_a_token(
    talking: Talking, services: Services
) -> None:
    """The session cookie opens the handshake as it does every request, and stays outside."""
    services.auth.on(ASK, knows("abc"))
    gateway, talker = talking()

    with dial(gateway, additional_headers={"Cookie": "quintet_session=abc; theme=dark"}):
        wait_until(lambda: talker.requests)
        (request,) = talker.requests

    assert request.headers["Authorization"].startswith("Bearer ")
    assert request.headers["Cookie"] == "theme=dark"


def test_a_service_may_decline_with_an_answer(talking: Talking) -> None:
    """Section 4.2.2, step 4: any other status."""

    def decline(socket: ServerConnection, request: Any) -> Any:
        return socket.respond(403, "members only")

    gateway, _ = talking(process_request=decline)

    with pytest.raises(InvalidStatus) as declined:
        dial(gateway)

    assert declined.value.response.status_code == 403
    assert declined.value.response.body == b"members only"


def test_a_client_that_vanishes_takes_its_other_half_along(talking: Talking) -> None:
    gateway, talker = talking()
    socket = dial(gateway)

    socket.socket.close()

    wait_until(lambda: talker.closed)
    wait_until(lambda: not gateway.app.clock.in_flight)


def test_a_service_that_vanishes_is_told_by_the_end_of_the_connection(talking: Talking) -> None:
    """Section 7.1.5: 1006, no goodbye."""

    async def vanish(socket: ServerConnection) -> None:
        socket.transport.abort()

    gateway, _ = talking(vanish)

    with dial(gateway) as socket, pytest.raises(ConnectionClosedError):
        socket.recv(timeout=PATIENCE)

    wait_until(lambda: not gateway.app.clock.in_flight)


def test_silence_ends_a_tunnel_and_talk_keeps_it(talking: Talking) -> None:
    gateway, _ = talking(settings={"event_timeout": 1.5})

    with dial(gateway, ping_interval=None) as socket:
        for _ in range(3):
            socket.send("still here")
            assert socket.recv(timeout=PATIENCE) == "still here"
            with pytest.raises(TimeoutError):
                socket.recv(timeout=0.6)
        with pytest.raises(ConnectionClosedError):
            socket.recv(timeout=PATIENCE)

    wait_until(lambda: not gateway.app.clock.in_flight)


def test_a_gateway_that_stops_says_goodbye_to_both_sides(talking: Talking) -> None:
    """Section 7.4.1: 1001, going away."""
    gateway, talker = talking(settings={"stop_timeout": 5})
    with dial(gateway) as socket:
        socket.send("x")
        socket.recv(timeout=PATIENCE)

        gateway.server.should_exit = True
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=PATIENCE)

        assert socket.close_code == 1001
    wait_until(lambda: talker.closed == [(1001, "")])


def test_open_tunnels_and_what_they_carried_are_counted(talking: Talking) -> None:
    gateway, _ = talking()
    tunnels = gateway.app.tunnels
    wait_until(lambda: not tunnels.open)

    with dial(gateway) as socket:
        socket.send(b"x" * 1000)
        socket.recv(timeout=PATIENCE)
        figures = {
            (name, *labels.values()): value for name, _, _, labels, value in tunnels.samples()
        }

    assert figures[("websockets_open",)] == 1
    assert figures[("websockets_opened_total",)] >= 1
    assert figures[("websocket_bytes_total", "down")] > 0
    assert figures[("websocket_bytes_total", "up")] > 0
    wait_until(lambda: not tunnels.open)
