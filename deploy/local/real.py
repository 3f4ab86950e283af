"""Use the PostgreSQL and the RabbitMQ of this machine instead of files."""

from __future__ import annotations

import os
from pathlib import Path

from deploy.local.console import Console
from deploy.local.postgres import DEFAULT_ADMIN_URL, prepare_postgres
from deploy.local.rabbitmq import DEFAULT_URL, prepare_rabbitmq


def prepare(var: Path, console: Console) -> dict[str, str]:
    """Make databases, roles and a virtual host if they are missing; return what services need."""
    environment = prepare_postgres(
        os.environ.get("QUINTET_PG_ADMIN_URL", DEFAULT_ADMIN_URL), var / "secrets.env"
    )
    console.done("PostgreSQL: a database and a role for each service")
    environment["QUINTET_BUS_URL"] = prepare_rabbitmq(
        os.environ.get("QUINTET_AMQP_URL", DEFAULT_URL)
    )
    console.done("RabbitMQ: our own virtual host")
    return environment
