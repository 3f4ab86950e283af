"""The way of a request to a service, and of the answer back.

This is the hot path of the whole platform, written for few calls and few allocations: what a
plain request does not need (a body, a new connection, a second try) costs it one comparison.
"""

from __future__ import annotations

from time import perf_counter

from gateway.proxy.clock import NEVER
from gateway.proxy.edge.headers import field
from gateway.proxy.flight import Flight
from gateway.proxy.records.counting import Counts
from gateway.proxy.resilience.admission import GOOD, Admission, Gates, Outcome
from gateway.proxy.resilience.again import Trip, until_it_works
from gateway.proxy.resilience.retrying import RETRY_STATUSES
from gateway.proxy.respond import Responder
from gateway.proxy.sending import Sender, TryFailed
from gateway.proxy.upstream.clusters import Clusters
from gateway.proxy.upstream.connection import Connection, UpstreamDied
from gateway.refusals import upstream_broken


class Forwarder:
    """Passes requests to services and their answers back to clients."""

    def __init__(
        self,
        clusters: Clusters,
        gates: Gates,
        sender: Sender,
        responder: Responder,
        counts: Counts,
    ) -> None:
        self._clusters = clusters
        self._gates = gates
        self._sender = sender
        self._responder = responder
        self._counts = counts
        responder.part = self.part

    async def forward(self, flight: Flight) -> None:
        """Answer the request with what the service says; raises Refused if it cannot be asked."""
        await self.hand_on(flight, await self.ask(flight))

    async def hand_on(self, flight: Flight, connection: Connection) -> None:
        """Send the answer that `ask` brought, and release it."""
        try:
            rest = self._responder.respond(flight, connection)
            if rest is not None:
                await rest
        except UpstreamDied as error:
            if flight.answering:
                raise
            raise upstream_broken(connection.pool.service) from error
        finally:
            self.release(connection)

    async def ask(self, flight: Flight) -> Connection:
        """Send the request; returns once the head of the answer is there. `release` it after use.

        Raises Refused if the service cannot be reached or does not answer, or is not to be asked.
        """
        piece, whole = b"", True
        if flight.body is not None or flight.head.chunked:
            piece, whole = await self._sender.body_of(flight)
        cluster = self._clusters.of(flight)
        gate = self._gates[cluster.service]
        if not gate.enter(flight):
            flight.wait_for("turn", NEVER)
            await gate.wait(flight)
        send = self._sender.send if whole else self._sender.stream
        failed = None
        try:
            connection = await send(flight, cluster.pick(flight), piece)
        except TryFailed as error:
            failed = error
        except BaseException:
            self._give_up(flight, gate)
            raise
        if failed is not None or connection.status in RETRY_STATUSES:
            failed = failed or TryFailed(None, answer=connection)
            connection = await self._again(Trip(flight, cluster, gate, send, piece, whole), failed)
        connection.flight = flight
        flight.upstream = connection.pool.replica.name
        if not connection.complete and _stays_open(connection):
            self._close_books(connection)  # may stay open for hours, and costs the service little
        return connection

    def release(self, connection: Connection) -> None:
        """Give a connection back; one that is in the middle of something is closed."""
        if connection.flight is not None:
            self._close_books(connection)
        self._sender.drop(connection)

    def part(self, connection: Connection) -> None:
        """Let an exchange go on beside the others: it may last, and costs the service little."""
        connection.pool.part_with(connection)
        if connection.flight is not None:
            self._close_books(connection)

    async def _again(self, trip: Trip, failed: TryFailed) -> Connection:
        try:
            return await until_it_works(trip, failed)
        except TryFailed as last:
            self._over(trip.flight, trip.gate, Outcome.BAD)
            raise last.told from last
        except BaseException:
            self._give_up(trip.flight, trip.gate)
            raise

    def _give_up(self, flight: Flight, gate: Admission) -> None:
        """There is no answer, and there will be none."""
        fault = _fault_of(flight)
        if fault is Outcome.BAD and flight.replica is not None:
            slow = flight.replica
            self._counts.upstream(slow.name, slow.service).fail("http_response_timeout")
        self._over(flight, gate, fault)

    def _close_books(self, connection: Connection) -> None:
        """Note how the exchange went, for all who learn from it."""
        flight, connection.flight = connection.flight, None
        assert flight is not None
        replica, status = connection.pool.replica, connection.status
        gate = self._gates[replica.service]
        counts = replica.counts
        if counts is None:
            counts = replica.counts = self._counts.upstream(replica.name, replica.service)
        took = perf_counter() - connection.began if connection.complete else None
        counts.answer(status, connection.seconds, took)
        if connection.broken or status in RETRY_STATUSES or flight.late:
            self._over(flight, gate, _outcome_of(flight, connection))
            return
        # How long a change takes depends on what changes, and on whether the client waits for it.
        seconds = connection.seconds if flight.head.method == "GET" else 0.0
        gate.leave(flight, GOOD, seconds)
        replica.done(ok=status < 500)

    def _over(self, flight: Flight, gate: Admission, outcome: Outcome) -> None:
        gate.leave(flight, outcome)
        if outcome is Outcome.BAD and flight.replica is not None:
            flight.replica.done(ok=False)


def _outcome_of(flight: Flight, connection: Connection) -> Outcome:
    """What an answer that was not simply good says about the service."""
    if connection.status in RETRY_STATUSES and field(connection.headers, b"retry-after"):
        return Outcome.NEITHER  # it lives, and knows what it can do: nobody need protect it
    if flight.late and not connection.complete and _fault_of(flight) is Outcome.NEITHER:
        return Outcome.NEITHER  # the client did not read
    return Outcome.BAD


def _fault_of(flight: Flight) -> Outcome:
    """Whether it was the service that did not answer in time, or somebody else's doing."""
    late = flight.late and not flight.hurried and flight.waiting_for == "answer"
    return Outcome.BAD if late else Outcome.NEITHER


def _stays_open(connection: Connection) -> bool:
    kind = field(connection.headers, b"content-type") or b""
    return connection.status == 101 or kind.startswith(b"text/event-stream")
