"""Nothing is asked twice that may have been done, and nothing is sent where nobody listens."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

import pytest

from gateway.proxy.upstream.cluster import Cluster, cluster_at
from gateway.proxy.upstream.fetch import Answer, FetchFailed, fetch
from tests.gateway.conftest import Services
from tests.gateway.stage import (
    RunningGateway,
    Script,
    Seen,
    answer,
    connect,
    read_answer,
    says,
    status_of,
    talk,
)

Open = Callable[..., RunningGateway]
ORDERS = "/api/shop/v1/orders"
GET = b"GET /cart HTTP/1.1\r\nhost: a\r\n\r\n"


async def hang_up(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def half_a_head(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 O")
    await writer.drain()
    writer.close()


def on_turn(turn: int, script: Script) -> Script:
    """Do this the so-manieth time (from 1), else answer."""
    turns = iter(range(1, 100))

    async def answer_(
        seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if next(turns) == turn:
            await script(seen, reader, writer)
        else:
            writer.write(answer(b"{}"))

    return answer_


def ask(*urls: str, times: int = 1) -> list[Answer]:
    """The gateway's own question, so often over the same connections."""

    async def work() -> list[Answer]:
        cluster: Cluster = cluster_at("auth", urls)
        try:
            return [await fetch(cluster, "/question") for _ in range(times)]
        finally:
            for replica in cluster.replicas:
                replica.pool.retire()
            await asyncio.sleep(0)

    return asyncio.run(work())


@pytest.mark.parametrize("fault", [hang_up, half_a_head, says(b"no HTTP at all\r\n\r\n")])
def test_who_fails_at_a_question_of_ours_is_not_asked_it_again(
    services: Services, fault: Script
) -> None:
    services.auth.on("/question", fault)

    with pytest.raises(FetchFailed):
        ask(services.auth.url)

    assert len(services.auth.seen) == 1


def test_who_began_to_answer_is_not_asked_again_either(services: Services) -> None:
    services.auth.on("/question", on_turn(2, half_a_head))

    with pytest.raises(FetchFailed):
        ask(services.auth.url, times=2)

    assert len(services.auth.seen) == 2


def test_a_connection_that_died_of_old_age_is_replaced_for_our_questions_too(
    services: Services,
) -> None:
    services.auth.on("/question", on_turn(2, hang_up))

    answers = ask(services.auth.url, times=2)

    assert [each.status for each in answers] == [200, 200]
    assert len(services.auth.seen) == 3


def test_a_question_goes_to_another_replica_where_nobody_took_it(services: Services) -> None:
    services.auth.on("/question", says(answer(b"{}")))
    with socket.create_server(("127.0.0.1", 0)) as free:
        gone = f"http://127.0.0.1:{free.getsockname()[1]}"

    answers = [ask(gone, services.auth.url)[0] for _ in range(6)]

    assert {each.status for each in answers} == {200}


@pytest.mark.parametrize(("field", "times"), [(b"x-other", 3), (b"idempotency-key", 1)])
def test_a_key_that_was_not_passed_on_allows_no_repetition_rfc_9110_7_6_1(
    open_gateway: Open, services: Services, field: bytes, times: int
) -> None:
    services.shop.on(ORDERS, hang_up)
    gateway = open_gateway()
    post = b"POST %b HTTP/1.1\r\nhost: a\r\nconnection: %b\r\nidempotency-key: k\r\n"

    raw = talk(gateway.port, post % (ORDERS.encode(), field) + b"content-length: 0\r\n\r\n")

    assert status_of(raw) == 502
    assert len(services.shop.seen) == times


def test_an_upload_is_not_sent_to_where_nobody_listens_any_more(
    open_gateway: Open, services: Services
) -> None:
    gateway = open_gateway()
    loop = gateway.app.clock.loop
    head = b"POST %b HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n" % ORDERS.encode()
    for _ in range(10):
        with connect(gateway.port) as client:
            client.sendall(GET)
            assert status_of(read_answer(client)) == 200
            # While the gateway is busy both happen: it hears of them in one go.
            loop.call_soon_threadsafe(time.sleep, 0.1)
            time.sleep(0.01)
            services.shop.drop_connections()
            client.sendall(head + b"a" * 1000)
            time.sleep(0.1)
            client.sendall(b"a" * 199_000)

            assert status_of(read_answer(client)) == 200
