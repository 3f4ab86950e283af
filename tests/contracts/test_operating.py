"""Every command on the page for operators is run, in its order, against trouble that we made."""

from __future__ import annotations

import os
import pty
import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deploy.contracts import ROOT
from shared import clock, logging, migrations
from shared.bus import connect
from shared.bus.topology import queue_name
from shared.context import opened
from shared.events import Envelope, Event
from shared.ids import new_id
from shared.service import Service
from shared.worker import Worker
from tests.shared.bus.conftest import embedded, rabbitmq, rabbitmqctl, vhost, wire
from tests.shared.bus.wires import Wire, eventually

__all__ = ["embedded", "rabbitmq", "vhost", "wire"]

PAGE = (ROOT / "docs" / "howto" / "operate-the-bus.md").read_text()
AWAY = "embedded:/proc/nowhere/bus.db"


def commands(section: str) -> list[str]:
    """The lines of the section's shell blocks."""
    [text] = re.findall(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    blocks: list[str] = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
    return [line for block in blocks for line in block.splitlines() if line]


class House:
    """Catalog and shop on a bus, as environment variables describe them."""

    def __init__(self, folder: Path, bus_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bus_url = bus_url
        for name, value in {"VAR": str(folder), "BUS_URL": bus_url}.items():
            monkeypatch.setenv(f"QUINTET_{name}", value)
        monkeypatch.chdir(folder)
        self.shop, self.catalog = (self._service(name) for name in ("shop", "catalog"))

    def _service(self, name: str) -> Service:
        settings = import_module(f"{name}_service.settings").Settings()
        service: Service = import_module(f"{name}_service.app").create_service(settings)
        migrations.migrate(service)
        return service

    @contextmanager
    def working(self, *services: Service) -> Iterator[None]:
        """The workers of these services (of both, if none is named), until the end."""
        with ExitStack() as stack:
            for service in services or (self.shop, self.catalog):
                worker = Worker(service, connect(self.bus_url, client=f"{service.name}-work"))
                worker.start()
                stack.callback(worker.stop)
                assert eventually(lambda at=worker: not at.problems(), within=60)  # type: ignore[misc]
            yield

    def run(self, section: str) -> None:
        """Run each command of a section; the page says which exit code it has."""
        for line in commands(section):
            result = perform(line)
            logging.set_up("tests", style="console", level="INFO")
            expected = int(line.rpartition("# exit ")[2]) if "# exit " in line else 0
            assert result.exit_code == expected, f"{line}\n{result.output}{result.exception!r}"

    def close(self) -> None:
        """Give back both."""
        self.shop.close()
        self.catalog.close()


def perform(line: str) -> Result:
    """One command, as a shell would, with nobody at the keyboard."""
    python, dash_m, module, *words = shlex.split(line, comments=True)
    assert (python, dash_m) == ("python", "-m")
    return CliRunner().invoke(import_module(f"{module}.cli").cli, words)


@pytest.fixture
def house(tmp_path: Path, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    found = House(tmp_path, wire.url, monkeypatch)
    yield found
    found.close()


class PriceChanged(Event, type="catalog.price.changed.v1", key="sku"):
    """A price that the shop can read."""

    sku: str
    price: dict[str, Any]
    previous: dict[str, Any]


def a_failure(service: Service, seq: int, **more: Any) -> None:
    """A row of parked events with this number; a dead letter unless told otherwise."""
    now = clock.now()
    euro = {"amount": 100, "currency": "EUR"}
    event = Envelope.around(
        PriceChanged(sku=f"MUG-{seq}", price=euro, previous=euro, version=1),
        id=str(new_id()), source="/catalog", time=now, by=opened(None, None),
    )  # fmt: skip
    row = {
        "seq": seq, "event_id": event.id, "type": event.type, "aggregate": event.aggregate,
        "body": event.to_json().decode(), "error": "KeyError", "attempts": 10, "parked_at": now,
        "next_try_at": now + timedelta(hours=1), "failed_at": now, "dead_at": now, **more,
    }  # fmt: skip
    with service.transactions.begin() as work:
        work.session.add(service.tables.parked(**row))


def dead_letters(house: House) -> None:
    """Some of one type, and one of another."""
    for number in (6, 7, 10):
        a_failure(house.shop, number)
    a_failure(house.shop, 8, type="catalog.stock.level.v1")


def a_stuck_event(service: Service, seq: int) -> None:
    now = clock.now()
    row = {
        "seq": seq, "id": str(new_id()), "type": "shop.order.placed.v1",
        "aggregate": f"/shop/{seq}", "body": "{}", "created_at": now, "stuck_at": now,
        "error": "returned", "attempts": 9,
    }  # fmt: skip
    with service.transactions.begin() as work:
        work.session.add(service.tables.outbox(**row))


def said_before(service: Service) -> None:
    """A price that the bus has had for a while."""
    euro = {"amount": 100, "currency": "EUR"}
    with service.transactions.begin() as work:
        work.publish(PriceChanged(sku="MUG", price=euro, previous=euro, version=1))
    outbox = service.tables.outbox

    def sent() -> bool:
        with service.transactions.read() as work:
            return not work.session.query(outbox).filter(outbox.published_at.is_(None)).count()

    assert eventually(sent, within=60)


def test_quiet_services_are_looked_at(house: House) -> None:
    with house.working():
        house.run("See how it is")


def delete_queue(wire: Wire, name: str) -> None:
    """As an operator does by mistake."""
    if wire.url.startswith("embedded:"):
        with closing(sqlite3.connect(wire.url.removeprefix("embedded:"))) as db:
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("DELETE FROM queues WHERE name = ?", (name,))
            db.commit()
    else:
        vhost = wire.url.rpartition("/")[2]
        rabbitmqctl("delete_queue", "-p", vhost, queue_name(name))


def stuck_events(house: House) -> None:
    """One that can be sent by now, and one that never can."""
    for number in (12, 13):
        a_stuck_event(house.shop, number)


def a_parked_event(house: House) -> None:
    """One whose next turn is far away."""
    a_failure(house.shop, 9, dead_at=None)


def no_trouble(house: House) -> None:
    """What the page says there can be done at any time."""


# What we break before the commands of each section are run.
TROUBLE: dict[str, Callable[[House], None]] = {
    "The outbox grows": no_trouble,
    "Events are stuck": stuck_events,
    "Events are parked": a_parked_event,
    "Dead letters": dead_letters,
    "Rebuild a read model": no_trouble,
    "An order does not move": no_trouble,
}


@pytest.mark.parametrize("section", TROUBLE)
def test_trouble_is_found_and_repaired(house: House, section: str) -> None:
    TROUBLE[section](house)

    house.run(section)


def test_a_broker_that_is_away_is_told_from_other_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path, AWAY, monkeypatch)

    house.run("The broker is away")

    house.close()


def test_what_was_deleted_is_made_again_and_the_hole_filled(house: House, wire: Wire) -> None:
    with house.working():
        said_before(house.catalog)
    delete_queue(wire, "shop")

    with house.working(house.catalog):
        house.run("A queue or a binding was deleted")


def test_at_a_terminal_one_is_asked_first_and_sees_colours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path, f"embedded:{tmp_path}/bus.db", monkeypatch)
    a_failure(house.shop, 7)

    listed = at_a_terminal("bus dead list", "")
    refused = at_a_terminal("bus dead drop 7", "n\n")

    with house.shop.transactions.read() as work:
        how = work.session.get_one(house.shop.tables.parked, 7).settled_how
    house.close()
    assert "\x1b[1m" in listed
    assert "Drop 1 dead letter? [y/N]" in refused
    assert ("Nothing was done." in refused, how) == (True, "")


def at_a_terminal(words: str, typed: str) -> str:
    """What somebody sees who runs this command of the shop and types this."""
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    process = subprocess.Popen(
        [sys.executable, "-m", "shop_service", *words.split()],
        stdin=theirs, stdout=theirs, stderr=theirs,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "100", "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    process.wait(60)
    with os.fdopen(ours, "rb", buffering=0) as screen:
        return screen.read(65536).decode()


def test_no_section_is_left_out() -> None:
    sections = set(re.findall(r"^## (.*)$", PAGE, re.M))
    others = {"See how it is", "The broker is away", "A queue or a binding was deleted"}

    assert sections == {*TROUBLE} | others


def test_the_shortcut_on_a_laptop_runs_the_same() -> None:
    intro = PAGE.partition("## ")[0]
    [block] = re.findall(r"^```sh\n(.*?)^```", intro, re.M | re.S)

    # What somebody told the `make` that runs us is not meant for this one.
    env = {name: word for name, word in os.environ.items() if name not in ("MAKEFLAGS", "ARGS")}

    for line in block.splitlines():
        done = subprocess.run(
            [*shlex.split(line), "--dry-run", "--silent"],
            cwd=ROOT, env=env, capture_output=True, text=True, check=True,
        )  # fmt: skip
        wanted = "dead list" if "ARGS" in line else "status"
        assert done.stdout.strip().endswith(f"shop bus {wanted}")
