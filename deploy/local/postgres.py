"""A database and a role of its own for each service, on a PostgreSQL that is already there."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from deploy.local.plan import SERVICES
from deploy.local.refusal import CannotStart
from deploy.local.secrets_file import kept_secret

DEFAULT_ADMIN_URL = "postgresql://root@127.0.0.1/postgres"


def prepare_postgres(admin_url: str, secrets: Path, *, prefix: str = "quintet") -> dict[str, str]:
    """Make what is missing and return each service's AUTH_DATABASE_URL and so on."""
    try:
        server = psycopg.connect(admin_url, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as reason:
        raise CannotStart(
            f"No PostgreSQL at {_without_password(admin_url)} ({str(reason).splitlines()[0]}). "
            "Start one, or name yours: QUINTET_PG_ADMIN_URL=postgresql://user:password@host/postgres"
        ) from None
    with server:
        where = f"{server.info.host}:{server.info.port}"
        urls = {}
        for service in SERVICES:
            password = kept_secret(secrets, f"{service.upper()}_DATABASE_PASSWORD")
            name = f"{prefix}_{service}"
            _role_and_database(server, name, password)
            url = f"postgresql+psycopg://{name}:{password}@{where}/{name}"
            urls[f"{service.upper()}_DATABASE_URL"] = url
    return urls


def _role_and_database(server: psycopg.Connection, name: str, password: str) -> None:
    role = server.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    verb = sql.SQL("ALTER" if role else "CREATE")
    server.execute(
        sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
            verb, sql.Identifier(name), sql.Literal(password)
        )
    )
    if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        database = sql.Identifier(name)
        server.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, database))
        server.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 5432}"
