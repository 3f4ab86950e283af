"""The tally service on a bus of its own, and its command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from shared import logging
from shared.commands import build_cli
from shared.ids import new_id
from shared.service import Service
from shared.testing import STACK, Databases
from tests.shared.bus.conftest import BROKER, rabbitmqctl, vhost
from tests.shared.conftest import Settings, create_service

__all__ = ["vhost"]


@pytest.fixture
def bus_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A bus that nobody else uses: a file, or a virtual host of the real broker."""
    if STACK == "real":
        return f"{BROKER.rstrip('/')}/{request.getfixturevalue('vhost')}"
    return f"embedded:{tmp_path}/bus.db"


@pytest.fixture
def untouched_bus(tmp_path: Path) -> Iterator[str]:
    """A bus on which nothing was ever made."""
    if STACK != "real":
        yield f"embedded:{tmp_path}/untouched.db"
        return
    name = f"quintet-test-{new_id().hex[-8:]}"
    rabbitmqctl("add_vhost", name)
    rabbitmqctl("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
    yield f"{BROKER.rstrip('/')}/{name}"
    rabbitmqctl("delete_vhost", name)


@pytest.fixture
def service(databases: Databases, bus_url: str) -> Iterator[Service]:
    with databases.service(bus_url=bus_url) as found:
        yield found


@dataclass
class Shell:
    """Somebody at a command line, with nobody at the keyboard."""

    cli: Typer

    def __call__(self, *words: str) -> Result:
        """Run `python -m tally_service bus …`."""
        result = CliRunner().invoke(self.cli, ["bus", *words])
        logging.set_up("tests", style="console", level="INFO")  # not into the runner's output
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def json(self, *words: str) -> Any:
        """What the command says to programs."""
        return json.loads(self(*words, "--json").stdout)


@pytest.fixture
def run(service: Service) -> Shell:
    """Commands on the same database and bus as `service`."""
    settings = service.settings
    return shell(database_url=settings.database_url, bus_url=settings.bus_url, var=settings.var)


def shell(**settings: Any) -> Shell:
    """Commands with these settings."""
    made = Settings(_env_file=None, **settings)
    return Shell(build_cli(lambda: create_service(made), "tally: counts."))
