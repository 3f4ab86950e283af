"""A service, assembled: all that its doors, its worker and its commands need to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import MetaData

from shared import clock, failpoints
from shared.bell import Bell
from shared.database import Database
from shared.events import Event
from shared.handlers import Handlers
from shared.jobs import Job
from shared.replay import Snapshot
from shared.settings import ServiceSettings
from shared.tokens import KeySource
from shared.work import Transactions, Work

if TYPE_CHECKING:
    from starlette.types import ASGIApp


@dataclass(frozen=True, slots=True)
class Tables:
    """The rows that every service maps for itself (mixins in outbox, inbox, idempotency)."""

    metadata: MetaData
    outbox: Any
    inbox: Any
    parked: Any
    keys: Any


@dataclass
class Service:
    """One service at run time. `create_service` in its `app.py` fills this in."""

    settings: ServiceSettings
    tables: Tables
    migrations: Path
    database: Database
    bell: Bell
    transactions: Transactions
    handlers: Handlers = field(default_factory=Handlers)
    published: Sequence[type[Event]] = ()
    snapshots: list[Snapshot] = field(default_factory=list)  # full state, for copies to be rebuilt
    permissions: Mapping[str, str] = field(default_factory=dict)
    on_start: list[Callable[[Work], None]] = field(default_factory=list)  # said by the worker
    jobs: list[Job] = field(default_factory=list)
    create_app: Callable[[Service], ASGIApp] | None = None
    fill_with_demo: Callable[[Service], None] | None = None
    key_source: KeySource | None = None  # None: fetched from settings.jwks_url
    gauges: list[Callable[[Work], None]] = field(default_factory=list)  # set from our tables
    checks: dict[str, Callable[[], str]] = field(default_factory=dict)  # "" means fine
    program: str = ""  # what one types to run a command of it; see `command`

    @property
    def name(self) -> str:
        """The word by which events, queues and paths name this service."""
        return self.settings.name

    @property
    def command(self) -> str:
        """How a command line of this service begins, for advice that people can paste."""
        return self.program or f"python -m {self.name}_service"

    def close(self) -> None:
        """Give back connections and wake whoever still waits."""
        self.bell.close()
        self.database.close()


def assemble(settings: ServiceSettings, tables: Tables, migrations: Path) -> Service:
    """Connect what every service has; the caller adds handlers, jobs and doors."""
    _prepare_for_fault_tests(settings)
    database = Database(
        settings.database_url,
        pool_size=settings.database_pool,
        idle_seconds=settings.database_idle_seconds,
    )
    bell = Bell(database, settings.name)
    transactions = Transactions(
        database, source=f"/{settings.name}", outbox=tables.outbox, bell=bell
    )
    return Service(settings, tables, migrations, database, bell, transactions)


def _prepare_for_fault_tests(settings: ServiceSettings) -> None:
    if settings.failpoints:
        failpoints.arm(settings.failpoints)
    if settings.clock_offset:
        clock.run_off_by(settings.clock_offset)
