"""Looks after replicas by itself: asks them how they are, and names where they are."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from ipaddress import ip_address

from gateway.proxy.upstream.cluster import Cluster
from gateway.proxy.upstream.clusters import Clusters
from gateway.proxy.upstream.pool import Address, OutOfFiles, tls
from gateway.proxy.upstream.replica import Judging, Replica
from gateway.proxy.upstream.shortage import is_ours
from shared.logging import get

RESOLVE_EVERY = 10.0  # seconds
LONGEST_LINE = 1024

log = get("gateway.replicas")


class Health:
    """Checks replicas where there is a choice, and resolves host names, without blocking.

    A service with one configured replica is not asked: whatever it says, it gets the requests.
    """

    def __init__(self, clusters: Clusters, judging: Judging, now: Callable[[], float]) -> None:
        self._clusters = clusters
        self._judging = judging
        self._now = now
        self._resolve_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    def tick(self) -> None:
        """Begin what is due; to be called a few times a second, on the running loop."""
        now = self._now()
        for cluster in self._clusters.values():
            if needs_checks(cluster):
                for replica in cluster.replicas:
                    if replica.check_at <= now:
                        every = self._judging.check_every
                        # Not all at the same moment, and a replica that is new at once.
                        replica.check_at = now + every * random.uniform(0.8, 1.2)  # noqa: S311
                        self._begin(self._check(cluster, replica))
        if now >= self._resolve_at:
            self._resolve_at = now + RESOLVE_EVERY
            for name in self._clusters.names():
                if not is_literal(name.host):
                    self._begin(self._resolve(name))

    async def stop(self) -> None:
        """End what is under way."""
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _check(self, cluster: Cluster, replica: Replica) -> None:
        try:
            passed = await is_well(replica.address, self._judging.check_seconds)
        except OutOfFiles:
            return  # we could not ask
        if replica in cluster.replicas:
            cluster.checked(replica, passed)

    async def _resolve(self, name: Address) -> None:
        try:
            async with asyncio.timeout(RESOLVE_EVERY / 2):
                found = await asyncio.get_running_loop().getaddrinfo(
                    name.host, name.port, type=socket.SOCK_STREAM
                )
        except (OSError, TimeoutError) as error:
            # The addresses that we know stay: a name server that is away ends no service.
            log.warning("name not resolved", host=name.host, error=str(error))
            return
        self._clusters.resolved(name, _one_family(name, found))


def needs_checks(cluster: Cluster) -> bool:
    """Whether it matters how the replicas of this cluster are."""
    replicas = cluster.replicas
    if len(replicas) != 1:
        return len(replicas) > 1
    [only] = replicas
    return not (only.configured and only.up)


async def is_well(address: Address, seconds: float) -> bool:
    """Whether a replica answers `GET /healthz` with 200 in time, on a connection of its own.

    Raises OutOfFiles if we cannot open any.
    """
    writer = None
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(
                address.host,
                address.port,
                limit=LONGEST_LINE,
                ssl=tls() if address.secure_as else None,
                server_hostname=address.secure_as or None,
            )
            writer.write(
                b"GET /healthz HTTP/1.1\r\nhost: %b\r\nconnection: close\r\n\r\n"
                % (address.secure_as or address.host).encode()
            )
            status = await reader.readline()
            await reader.read(LONGEST_LINE)
    except (OSError, ssl.SSLError, TimeoutError, ValueError) as error:
        if isinstance(error, OSError) and is_ours(error, address):
            raise OutOfFiles(address.url) from error
        return False
    finally:
        if writer is not None:
            writer.transport.abort()
    return status.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))


def is_literal(host: str) -> bool:
    """Whether this is an address, and no name."""
    with suppress(ValueError):
        return bool(ip_address(host))
    return False


def _one_family(name: Address, found: Iterable[tuple[object, ...]]) -> list[Address]:
    """IPv4 where there is any: hosts often have an IPv6 address at which nobody listens."""
    entries = [(each[0], each[4]) for each in found]
    fours = [at for family, at in entries if family is socket.AF_INET]
    chosen = fours or [at for _, at in entries]
    hosts = sorted({str(at[0]) for at in chosen if isinstance(at, tuple)})
    return [Address(host, name.port, name.secure_as) for host in hosts]
