"""Hear events, and say some, from a program of ten lines.

    newsletter = Listener("newsletter")

    @newsletter.on(OrderConfirmed)
    def thank(work, event): ...

    newsletter.main()

A listener has what a service has, less its doors: a queue of its own on the bus, an inbox (each
event takes effect once), an outbox, parked events and dead letters. It makes its tables itself.
"""

from __future__ import annotations

import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from shared import logging, migrations
from shared.database import NAMING
from shared.events import Event
from shared.handlers import Handler, Handlers
from shared.idempotency import KeyMixin
from shared.inbox import InboxMixin, ParkedMixin
from shared.outbox import OutboxMixin
from shared.service import Service, Tables, assemble
from shared.settings import ServiceSettings
from shared.telemetry import tracing
from shared.working import working

E = TypeVar("E", bound=Event)

NAME = re.compile(r"[a-z][a-z0-9_]{1,30}\Z")
NO_MIGRATIONS = Path(__file__).with_name("no-migrations")  # is not there, and need not be


class Table(DeclarativeBase):
    """The base of a listener's own tables, if it has any; they are made with the others."""

    metadata = MetaData(naming_convention=NAMING)


class OutboxRow(OutboxMixin, Table):
    """What a listener says."""


class InboxRow(InboxMixin, Table):
    """What it has heard."""


class ParkedRow(ParkedMixin, Table):
    """What it could not do yet."""


class KeyRow(KeyMixin, Table):
    """Keys of repeated requests."""


class Listener:
    """A program that hears events under a name of its own.

    Programs of one name share one queue and one database: one works, the others stand by. The first
    time that it listens to a type, it gets what the publisher has kept of it, then what is new.
    Settings come from the environment as for every service, here `NEWSLETTER_BUS_URL` or
    `QUINTET_BUS_URL` and `NEWSLETTER_DATABASE_URL`; what is given here wins over them.
    """

    def __init__(self, name: str, *, says: Sequence[type[Event]] = (), **settings: Any) -> None:
        if not NAME.match(name):
            raise ValueError(f"{name!r} is no name: lower-case letters, digits and _ only.")
        self.name = name
        self.handlers = Handlers()
        self._says = tuple(says)
        self._given = settings
        self.settings_class = _settings_of(name)

    def on(self, event: type[E]) -> Callable[[Handler[E]], Handler[E]]:
        """Call the decorated `function(work, event)` for every event of this type.

        It runs in one transaction with its inbox row: it takes effect once, or is tried again.
        """
        return self.handlers.on(event)

    def create_service(self, settings: ServiceSettings | None = None) -> Service:
        """The listener as a service, for tests and for `shared.commands.build_cli`."""
        tables = Tables(Table.metadata, OutboxRow, InboxRow, ParkedRow, KeyRow)
        service = assemble(settings or self.settings_class(**self._given), tables, NO_MIGRATIONS)
        service.handlers = self.handlers
        service.published = self._says
        service.program = f"python {Path(sys.argv[0]).name}"
        return service

    @contextmanager
    def running(self) -> Iterator[Service]:
        """Listen while the context lasts; leaving it finishes what is in hand."""
        service = self.create_service()
        migrations.migrate(service)
        try:
            with working(service):
                yield service
        finally:
            service.close()

    def main(self) -> None:
        """What the program does: listen, or with arguments what every service's commands do.

        `python newsletter.py bus status` shows its queue, `bus dead list` what it could not do.
        """
        if len(sys.argv) < 2:
            self.run()
            return
        from shared.commands import build_cli

        build_cli(self.create_service, f"The listener {self.name}; alone, it listens.")()

    def run(self) -> None:
        """Listen until SIGTERM or SIGINT."""
        stop = threading.Event()
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: stop.set())
        settings = self.settings_class(**self._given)
        logging.set_up(self.name, style=settings.log_style, level=settings.log_level)
        tracing.set_up(settings)
        with self.running():
            stop.wait()


def _settings_of(name: str) -> type[ServiceSettings]:
    class Settings(ServiceSettings):
        """The knobs that all pieces have, for this listener."""

    Settings.name = name
    return Settings
