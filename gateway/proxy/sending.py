"""One try: a request sent to one replica of a service, until the head of the answer is there."""

from __future__ import annotations

import asyncio
import select
from dataclasses import dataclass
from time import perf_counter

from gateway.proxy.bodies import Pace, Upload, check_length, first_piece
from gateway.proxy.clock import Clock
from gateway.proxy.edge.answers import Manners, without_sharing
from gateway.proxy.edge.guard import REPEATABLE_METHODS
from gateway.proxy.edge.headers import field
from gateway.proxy.edge.rebuild import Rebuilder
from gateway.proxy.flight import Flight
from gateway.proxy.records.counting import Counts
from gateway.proxy.records.spans import Try
from gateway.proxy.resilience.deadline import line
from gateway.proxy.upstream.connection import Connection, UpstreamDied
from gateway.proxy.upstream.pool import OutOfFiles, Pool, PoolFull
from gateway.proxy.upstream.replica import Replica
from gateway.refusals import Refused, out_of_files, upstream_broken, upstream_full, upstream_slow


@dataclass(frozen=True, slots=True)
class SendLimits:
    """How long things may take, in seconds, beside what the route says."""

    queue_seconds: float = 5.0
    pace: Pace = Pace()


class TryFailed(Exception):
    """A replica gave no answer, or one that is no answer to the question.

    `refused` is what to tell the client if there is no other try; None if `answer` is that.
    """

    def __init__(
        self,
        refused: Refused | None,
        *,
        answer: Connection | None = None,
        sent: bool = True,
        aged: bool = False,
    ) -> None:
        super().__init__(str(refused))
        self.refused = refused
        self.answer = answer
        self.sent = sent  # whether any of the request may have reached the replica
        self.aged = aged  # the connection had died of old age

    @property
    def told(self) -> Refused:
        """What to tell the client."""
        assert self.refused is not None, "there is an answer to pass on"
        return self.refused


class Sender:
    """Sends requests."""

    def __init__(
        self, rebuilder: Rebuilder, clock: Clock, limits: SendLimits, manners: Manners
    ) -> None:
        self._rebuilder = rebuilder
        self._clock = clock
        self._limits = limits
        self._missing = manners.missing
        self.tell_tries = False  # whether somebody wants to know of each try
        self.counts: Counts | None = None  # where tries that came to nothing are counted

    async def body_of(self, flight: Flight) -> tuple[bytes, bool]:
        """What has come of the body, and whether that is all; raises Refused if it is too long."""
        head, body = flight.head, flight.body
        if body is None:
            head.length, head.chunked = 0, False  # it was empty
            return b"", True
        limit = longest_body(flight)
        check_length(head, limit)
        flight.wait_for("body", self._clock.now + self._limits.pace.seconds)
        piece, whole = await first_piece(body, limit)
        if whole:
            head.length, head.chunked = len(piece), False
            flight.received = len(piece)
        return piece, whole

    async def send(self, flight: Flight, replica: Replica, body: bytes) -> Connection:
        """Send a request that is at hand whole. Raises TryFailed, or Refused by ourselves."""
        flight.replica = replica
        connection = replica.pool.warm()
        if connection is not None and flight.head.method not in REPEATABLE_METHODS:
            connection = _one_that_is_open(replica.pool, connection)
        if connection is None:
            connection = await self._connection(flight, replica)
        flight.tries += 1
        began = perf_counter()
        try:
            payload = self._payload(flight)
            connection.begin(
                payload + body if body else payload, head_only=flight.head.method == "HEAD"
            )
            while not connection.is_answered():
                await connection.arrived
        except UpstreamDied as error:
            aged = connection.served > 1 and not connection.received
            self.drop(connection)
            if aged:
                # The others in the pool are as old as that one was.
                replica.pool.close_idle(float("inf"))
            raise self._died(flight, error, began, aged=aged) from error
        except BaseException:
            self.drop(connection)
            raise
        return self._answered(flight, connection, began)

    async def stream(self, flight: Flight, replica: Replica, piece: bytes) -> Connection:
        """Pass the body on as it comes; the answer may come before its end. Raises TryFailed."""
        flight.replica = replica
        connection = _one_that_is_open(replica.pool, replica.pool.warm())
        if connection is None:
            connection = await self._connection(flight, replica)
        flight.tries += 1
        flight.uploading = True
        began = perf_counter()
        upload = Upload(flight, self._clock, longest_body(flight), self._limits.pace)
        try:
            connection.begin(self._payload(flight), head_only=flight.head.method == "HEAD")
            connection.upload = asyncio.get_running_loop().create_task(
                upload.run(connection, piece, chunked=flight.head.chunked)
            )
            await connection.answer()
        except UpstreamDied as error:
            self.drop(connection)
            raise self._died(flight, error, began) from error
        except BaseException:
            self.drop(connection)
            raise
        return self._answered(flight, connection, began)

    def drop(self, connection: Connection) -> None:
        """Give a connection back; one that is in the middle of something is closed."""
        upload, connection.upload = connection.upload, None
        if upload is not None and not upload.done():
            upload.cancel()
            connection.abort()  # it still waits for a body that nobody will send
        connection.pool.give_back(connection, self._clock.now)

    def _payload(self, flight: Flight) -> bytes:
        clock = self._clock
        flight.wait_for("answer", clock.now + flight.route.timeouts.read)
        left = line(flight, clock.exactly())
        return self._rebuilder.payload(flight.head, flight.caller.authorization, left)

    async def _connection(self, flight: Flight, replica: Replica) -> Connection:
        flight.wait_for("connection", self._clock.now + self._limits.queue_seconds)
        try:
            return await replica.pool.connection(flight.route.timeouts.connect)
        except UpstreamDied as error:
            raise self._died(flight, error, perf_counter(), sent=False) from error
        except TimeoutError as error:
            slow = upstream_slow(replica.service)
            slow.proxy_error = "connection_timeout"
            self._count(replica, slow.proxy_error)
            raise TryFailed(slow, sent=False) from error
        except OutOfFiles as error:
            raise out_of_files() from error
        except PoolFull as error:
            raise upstream_full(replica.service) from error

    def _answered(self, flight: Flight, connection: Connection, began: float) -> Connection:
        ended = perf_counter()
        connection.began, connection.seconds = began, ended - began
        if flight.route.cors is not None:
            connection.headers = without_sharing(connection.headers)
        connection.headers += self._missing[connection.said]
        if self.tell_tries:
            _tell(flight, Try(_at(flight), began, ended, connection.status))
        return connection

    def _died(
        self,
        flight: Flight,
        error: UpstreamDied,
        began: float,
        *,
        sent: bool = True,
        aged: bool = False,
    ) -> TryFailed:
        if self.tell_tries:
            _tell(flight, Try(_at(flight), began, perf_counter(), 0, error.proxy_error))
        if not aged and flight.replica is not None:
            self._count(flight.replica, error.proxy_error)
        broken = upstream_broken(flight.route.service)
        broken.proxy_error = error.proxy_error
        return TryFailed(broken, sent=sent, aged=aged)

    def _count(self, replica: Replica, reason: str) -> None:
        if self.counts is not None:
            self.counts.upstream(replica.name, replica.service).fail(reason)


def _one_that_is_open(pool: Pool, found: Connection | None) -> Connection | None:
    """An idle connection that its replica has not closed, even if we have not heard of it yet.

    What cannot be sent twice must not be sent to where nobody listens any more.
    """
    while found is not None and _has_news(found):
        found.abort()
        found = pool.warm()
    return found


def _has_news(idle: Connection) -> bool:
    """Whether something came, or the other side has closed, that the loop has yet to tell us."""
    if idle.closed:
        return True
    waiting = select.poll()
    waiting.register(idle.file, select.POLLIN)
    return bool(waiting.poll(0))


def _at(flight: Flight) -> tuple[str, int]:
    assert flight.replica is not None
    return flight.replica.address[:2]


def _tell(flight: Flight, tried: Try) -> None:
    flight.asked = [*(flight.asked or ()), tried]


def longest_body(flight: Flight) -> int:
    """The longest body that a request may have, in bytes: files may be larger than JSON."""
    route = flight.route
    kind = field(flight.head.fields, b"content-type") or b""
    return route.files if kind.startswith(b"multipart/") else route.body
