"""The bad network does what it says, and finds the moment it is asked for."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from tests.faults.proxy import Proxy, Road, commit_spotted, publish_spotted

PUBLISH = struct.pack(">BHLHH", 1, 1, 6, 60, 40) + b"\0\0\xce"
BODY = struct.pack(">BHL", 3, 1, 5) + b"hello\xce"


class Echo:
    """A server that says everything back, and remembers what it was told."""

    def __init__(self) -> None:
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        self.told = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                guest, _ = self.door.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(guest,), daemon=True).start()

    def _answer(self, guest: socket.socket) -> None:
        with guest:
            try:
                while data := guest.recv(4096):
                    self.told += data
                    guest.sendall(data)
            except OSError:
                return


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.door.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    proxy = Proxy(echo.port, commit_spotted)
    yield proxy
    proxy.close()


def _through(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def _said_back(client: socket.socket, words: bytes) -> bytes:
    client.sendall(words)
    try:
        return client.recv(4096)
    except ConnectionResetError:
        return b"reset"


def test_a_healthy_proxy_carries_both_ways(proxy: Proxy) -> None:
    with _through(proxy) as client:
        assert _said_back(client, b"hello") == b"hello"


def test_a_slow_proxy_takes_its_time(proxy: Proxy) -> None:
    proxy.delay = 0.05
    began = time.monotonic()

    with _through(proxy) as client:
        _said_back(client, b"hello")

    assert time.monotonic() - began >= 0.1


def test_a_deaf_proxy_carries_nothing_until_it_is_healed(proxy: Proxy) -> None:
    with _through(proxy) as client:
        proxy.deaf = True
        client.sendall(b"hello")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(10)
        proxy.heal()
        client.settimeout(5)
        assert client.recv(10) == b"hello"


def test_a_reset_breaks_what_is_open(proxy: Proxy) -> None:
    with _through(proxy) as client:
        assert _said_back(client, b"hello") == b"hello"
        proxy.reset()
        time.sleep(0.1)
        assert _said_back_or_broken(client) == b"broken"


def _said_back_or_broken(client: socket.socket) -> bytes:
    try:
        client.sendall(b"still there?")
        return client.recv(10) or b"broken"
    except OSError:
        return b"broken"


def test_a_commit_is_carried_and_its_answer_is_not(proxy: Proxy, echo: Echo) -> None:
    proxy.cut(1)

    with _through(proxy) as client:
        assert _said_back(client, b"Q....COMMIT\0") in (b"", b"reset")

    assert b"COMMIT" in echo.told
    with _through(proxy) as client:
        assert _said_back(client, b"Q....COMMIT\0") != b""


def test_a_cut_before_the_commit_carries_nothing(proxy: Proxy, echo: Echo) -> None:
    proxy.cut(1, before=True)

    with _through(proxy) as client:
        assert _said_back(client, b"Q....COMMIT\0") in (b"", b"reset")

    assert echo.told == b""


def test_a_publish_is_found_however_its_frames_are_cut_up() -> None:
    road = Road(None, None)  # type: ignore[arg-type]
    spotted = [
        publish_spotted(road, bytes([byte])) for byte in b"AMQP\0\0\x09\x01" + PUBLISH + BODY
    ]

    assert spotted.count(True) == 1
    assert spotted[-1]
