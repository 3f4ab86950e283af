"""Two processes on one port: who of them gets new connections can be said, and nothing is lost."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from gateway.proxy.resilience.takeover import send_to, shared_socket, spread

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    with closing(shared_socket("127.0.0.1", 0)) as first:
        first.listen(100)
        with closing(shared_socket(*first.getsockname())) as second:
            second.listen(100)
            yield first, second


def accepted(listening: socket.socket) -> int:
    """How many connections wait to be accepted; takes them."""
    listening.setblocking(False)
    with ExitStack() as stack:
        for count in range(1000):
            try:
                stack.enter_context(listening.accept()[0])
            except BlockingIOError:
                return count
    raise AssertionError("that many?")


def connect(pair: Pair, times: int = 50) -> tuple[int, int]:
    """How many of so many new connections each of the two gets."""
    port = pair[1].getsockname()[1]
    with ExitStack() as stack:
        for _ in range(times):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        return accepted(pair[0]), accepted(pair[1])


def test_by_itself_the_kernel_spreads_connections(pair: Pair) -> None:
    first, second = connect(pair)

    assert first > 0
    assert second > 0


def test_new_connections_go_where_they_are_sent(pair: Pair) -> None:
    assert send_to(pair[0], 1)
    to_second = connect(pair)
    assert send_to(pair[0], 0)
    to_first = connect(pair)

    assert to_second == (0, 50)
    assert to_first == (50, 0)


def test_what_was_asked_of_the_kernel_can_be_taken_back(pair: Pair) -> None:
    send_to(pair[0], 1)
    spread(pair[1])

    assert all(connect(pair))


def test_a_number_that_nobody_has_means_everybody(pair: Pair) -> None:
    send_to(pair[0], 7)

    assert all(connect(pair))


def test_taking_back_what_nobody_asked_for_is_harmless(pair: Pair) -> None:
    spread(pair[0])

    assert all(connect(pair))


def test_when_the_first_has_gone_the_second_has_all(pair: Pair) -> None:
    send_to(pair[0], 1)
    port = pair[0].getsockname()[1]
    pair[0].close()

    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert accepted(pair[1]) == 20


def test_a_port_that_others_do_not_share_is_refused() -> None:
    with socket.socket() as alone:
        alone.bind(("127.0.0.1", 0))
        alone.listen()

        with pytest.raises(OSError, match="in use"):
            shared_socket(*alone.getsockname())
