"""Migrations without an ini file: Alembic, driven from the service's own command."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import inspect, text

from shared import tables
from shared.database import Database, UtcTime
from shared.lease import Lease
from shared.service import Service

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_FILE = re.compile(r"(\d{4})_\w+\.py\Z")


def newest(folder: Path) -> str:
    """The number of the newest migration in a folder."""
    numbers = [found.group(1) for each in folder.glob("versions/*.py")
               if (found := VERSION_FILE.match(each.name))]  # fmt: skip
    return max(numbers, default="")


def applied(database: Database) -> str:
    """The number of the last migration that this database has; empty for none."""
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


def up_to_date(service: Service) -> bool:
    """Whether nothing is left to apply. Cheap: does not load Alembic.

    A database may be ahead of us: the next release has migrated it and runs beside us, or was taken
    back. Its migrations only add, so there is nothing for us to do, and no reason to refuse.
    """
    if not service.migrations.is_dir():
        return not tables.missing(service.database, service.tables.metadata)
    return applied(service.database) >= newest(service.migrations)


def migrate(service: Service, target: str = "head") -> None:
    """Apply what is missing. Processes that start together take turns.

    A service without a folder of migrations gets its tables straight from its models.
    """
    from alembic import command

    turn = _take_turn(service)
    try:
        if not service.migrations.is_dir():
            tables.make(service.database, service.tables.metadata)
        elif target != "head" or not up_to_date(service):
            config = config_of(service)
            down = target == "base" or (target != "head" and target < applied(service.database))
            (command.downgrade if down else command.upgrade)(config, target)
    finally:
        turn.release()


def config_of(service: Service) -> Config:
    """Alembic's configuration for this service."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(service.migrations))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["service"] = service
    return config


def run_env() -> None:
    """The body of every service's `migrations/env.py`."""
    from alembic import context

    service: Service = context.config.attributes["service"]
    options: dict[str, Any] = {
        "target_metadata": service.tables.metadata,
        "render_as_batch": not service.database.on_postgresql,
        "compare_type": True,
        "render_item": _render,
    }
    if context.is_offline_mode():
        context.configure(url=service.settings.database_url, literal_binds=True, **options)
        with context.begin_transaction():
            context.run_migrations()
        return
    with service.database.engine.connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


def _render(kind: str, item: object, _: object) -> str | Literal[False]:
    # A migration must not change when our own types do.
    if kind == "type" and isinstance(item, UtcTime):
        return "sa.DateTime(timezone=True)"
    return False


def _take_turn(service: Service) -> Lease:
    lease = Lease(service.database, f"{service.name}-migrate")
    deadline = time.monotonic() + 60
    while not lease.held():
        if time.monotonic() > deadline:
            raise TimeoutError("Another process has been migrating this database for a minute.")
        time.sleep(0.1)
    return lease
