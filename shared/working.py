"""The bus side of a service as a process of its own: its worker, and a window to look in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shared.bus import connect
from shared.bus.protocol import Bus
from shared.service import Service
from shared.telemetry.window import Window
from shared.worker import Worker


@contextmanager
def working(service: Service) -> Iterator[Worker]:
    """Relay, hear and do what is due while the context lasts; leaving it finishes what is in hand.

    With `work_port` set, health and figures can be asked for there.
    """
    worker = Worker(service, bus_of(service, "work"))
    watch_over(service, worker)
    settings = service.settings
    window = Window(service, settings.host, settings.work_port) if settings.work_port else None
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()
        if window is not None:
            window.close()


def bus_of(service: Service, purpose: str) -> Bus:
    """The bus as this service uses it, under a name that shows what for."""
    settings = service.settings
    client = f"{service.name}-{purpose}"
    return connect(settings.bus_url, client=client, declare=settings.bus_declare)


def watch_over(service: Service, worker: Worker) -> None:
    """Let the service say that it is not ready while its worker has problems."""

    def problems() -> str:
        return "; ".join(f"{name} {text}" for name, text in worker.problems().items())

    service.checks["worker"] = problems
