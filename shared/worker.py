"""The bus side of a service: relay, consumer and jobs, each on a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from shared import announcing
from shared.bus.protocol import Bus
from shared.consuming import Consumer
from shared.consuming.upkeep import purge
from shared.jobs import Job, hourly, keep_running
from shared.logging import get
from shared.relay import Relay
from shared.service import Service

log = get(__name__)

DRAIN_SECONDS = 20.0
LISTEN_FIRST_SECONDS = 30.0


class Worker:
    """Relays what the service says, hears what others say, and does what is due."""

    def __init__(self, service: Service, bus: Bus) -> None:
        self._service = service
        self._bus = bus
        self._stop = threading.Event()
        self._bells: list[threading.Event] = []
        self._threads: list[threading.Thread] = []
        if replicas := announcing.snapshot_of(service):
            service.snapshots = [*service.snapshots, replicas]
        self.relay = Relay(service, bus)
        self.consumer = Consumer(service, bus)

    def start(self) -> None:
        """Begin; returns at once."""
        with self._service.transactions.begin() as work:
            for announce in self._service.on_start:
                announce(work)
        self._service.bell.hear_neighbours()
        self._spawn("consumer", lambda: self.consumer.run(self._stop))
        self._spawn("retries", lambda: self.consumer.keep_retrying(self._stop))
        self._spawn("relay", self._relay_once_we_listen)
        for job in [
            *self._service.jobs,
            Job("graves", self.consumer.collect_dead, every=60.0),
            Job("purge", hourly(lambda: self.relay.purge() + purge(self._service)), every=60.0),
        ]:
            self._spawn_job(job)

    def stop(self) -> None:
        """Finish what is in hand and return; waits at most DRAIN_SECONDS."""
        deadline = time.monotonic() + DRAIN_SECONDS
        self._stop.set()
        self.consumer.wake()
        self._service.bell.ring()
        for bell in self._bells:
            bell.set()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._bus.close()

    def problems(self) -> dict[str, str]:
        """What keeps the bus side from working, by part; empty when all is well."""
        found = {thread.name: "stopped" for thread in self._threads if not thread.is_alive()}
        if bus := self._bus.problem():
            found["bus"] = bus
        elif consumer := self.consumer.problem():
            found["consumer"] = consumer
        elif not self.relay.caught_up.is_set():
            found["relay"] = "sends what was left to send"
        return found

    def _relay_once_we_listen(self) -> None:
        # Whoever asks for what we have said must be able to reach us before we say anything.
        deadline = time.monotonic() + LISTEN_FIRST_SECONDS
        while not self.consumer.healthy() and time.monotonic() < deadline:
            if self._stop.wait(0.02):
                return
        self.relay.run(self._stop)

    def _spawn_job(self, job: Job) -> None:
        bell = self._service.bell.listener() if job.woken else threading.Event()
        self._bells.append(bell)
        self._spawn(f"job-{job.name}", lambda: keep_running(job, bell, self._stop))

    def _spawn(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
