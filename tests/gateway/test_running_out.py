"""Places and open files: counted rightly, and what we have too few of is nobody else's fault."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import fcntl
import os
import resource
import socket
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import uvloop

from gateway.proxy.lasting import SPARE_FILES
from gateway.proxy.upstream.health import is_well
from gateway.proxy.upstream.pool import Address, OutOfFiles, Pool, PoolLimits
from gateway.proxy.upstream.shortage import is_ours
from tests.gateway.conftest import Services
from tests.gateway.stage import (
    RunningGateway,
    connect,
    read_answer,
    status_of,
    wait_until,
)

Open = Callable[..., RunningGateway]
NewLoop = Callable[[], asyncio.AbstractEventLoop]
CLONE_NEWNET, SIOCSIFFLAGS, IFF_UP = 0x40000000, 0x8914, 1  # Linux: sched.h, sockios.h, if.h
GET = b"GET /cart HTTP/1.1\r\nhost: a\r\n\r\n"
LOOPS = pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])


@contextmanager
def open_files(most: int) -> Iterator[None]:
    """Let this process open no file whose number is `most` or more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def a_port() -> Iterator[Address]:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield Address("127.0.0.1", server.getsockname()[1])


def a_pool(address: Address) -> Pool:
    return Pool("shop", address, PoolLimits())


def run(new_loop: NewLoop, work: Callable[[], object]) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(work())  # type: ignore[arg-type]


@LOOPS
@pytest.mark.parametrize("steps", range(1, 9))
def test_whoever_leaves_while_we_dial_is_counted_once(new_loop: NewLoop, steps: int) -> None:
    async def leave(pool: Pool) -> None:
        asking = asyncio.ensure_future(pool.connection())
        for _ in range(steps):
            await asyncio.sleep(0)
        asking.cancel()
        with suppress(asyncio.CancelledError):
            pool.give_back(await asking, 0.0)
        pool.retire()
        await asyncio.sleep(0.02)

    with a_port() as address:
        pool = a_pool(address)
        run(new_loop, lambda: leave(pool))

    assert (pool.opened, len(pool.idle)) == (0, 0)


@LOOPS
def test_a_connection_that_is_gone_is_not_parted_with(new_loop: NewLoop) -> None:
    async def part_late(pool: Pool) -> None:
        connection = await pool.connection()
        connection.abort()
        await asyncio.sleep(0.02)
        pool.part_with(connection)

    with a_port() as address:
        pool = a_pool(address)
        run(new_loop, lambda: part_late(pool))

    assert (pool.opened, pool.streams) == (0, 0)


@LOOPS
def test_a_connection_that_lasts_is_counted_apart_until_it_ends(new_loop: NewLoop) -> None:
    async def part(pool: Pool) -> None:
        connection = await pool.connection()
        pool.part_with(connection)
        pool.part_with(connection)
        assert (pool.opened, pool.streams) == (0, 1)
        connection.abort()
        await asyncio.sleep(0.02)

    with a_port() as address:
        pool = a_pool(address)
        run(new_loop, lambda: part(pool))

    assert (pool.opened, pool.streams) == (0, 0)


@LOOPS
def test_too_few_files_say_nothing_about_a_service(new_loop: NewLoop) -> None:
    async def dial(pool: Pool) -> None:
        with open_files(1), pytest.raises(OutOfFiles):
            await pool.connection()
        with open_files(1), pytest.raises(OutOfFiles):
            await is_well(pool.address, 0.5)

    with a_port() as address:
        pool = a_pool(address)
        run(new_loop, lambda: dial(pool))

    assert not pool.unreachable
    assert pool.opened == 0


@contextmanager
def few_ports() -> Iterator[None]:
    """Give this thread a network of its own, with four ports and nobody else in it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        pytest.skip(f"a network of its own: {os.strerror(ctypes.get_errno())}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("50000 50003")
    yield


@LOOPS
def test_too_few_ports_say_nothing_about_a_service(new_loop: NewLoop) -> None:
    async def dial(pool: Pool) -> None:
        taken = [await pool.connection() for _ in range(3)]
        with pytest.raises(OutOfFiles):
            await pool.connection()
        with pytest.raises(OutOfFiles):
            await is_well(pool.address, 0.5)
        for connection in taken:
            connection.abort()
        await asyncio.sleep(0.02)

    def in_a_network_of_its_own() -> Pool:
        with few_ports(), a_port() as address:
            pool = a_pool(address)
            run(new_loop, lambda: dial(pool))
        return pool

    with ThreadPoolExecutor(1) as thread:  # its network ends with it
        pool = thread.submit(in_a_network_of_its_own).result()

    assert not pool.unreachable


def test_an_address_to_which_no_way_leads_is_no_shortage_of_ours() -> None:
    no_port = OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    assert is_ours(no_port, Address("127.0.0.1", 8003))
    assert not is_ours(no_port, Address("ff0e::1%nowhere", 8003))


def test_a_gateway_without_files_says_so_and_leaves_the_services_their_name(
    open_gateway: Open, services: Services
) -> None:
    gateway = open_gateway()
    gate, replica = gateway.app.gates["shop"], gateway.app.pools["shop"].replicas[0]

    with connect(gateway.port) as client:
        client.sendall(GET)
        assert status_of(read_answer(client)) == 200
        services.shop.drop_connections()
        wait_until(lambda: not replica.pool.opened)
        with open_files(1):
            raws = []
            for _ in range(30):
                client.sendall(GET)
                raws.append(read_answer(client))
        client.sendall(GET)
        after = read_answer(client)

    assert {status_of(raw) for raw in raws} == {503}
    said = b'error=connection_limit_reached; details="gateway-busy"'
    assert all(said in raw for raw in raws)
    assert (gate.meter.bad, replica.bad, replica.ejections) == (0, 0, 0)
    assert status_of(after) == 200


def test_no_more_clients_are_let_in_than_files_allow(open_gateway: Open) -> None:
    with open_files(SPARE_FILES + 4):
        gateway = open_gateway()

    with connect(gateway.port) as first, connect(gateway.port) as second:
        for client in (first, second):
            client.sendall(GET)
            assert status_of(read_answer(client)) == 200
        with connect(gateway.port) as third, suppress(ConnectionError):
            third.sendall(GET)
            assert third.recv(100) == b""
        first.sendall(GET)
        assert status_of(read_answer(first)) == 200
