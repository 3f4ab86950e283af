"""The programs on the pages for other teams are complete, and do what the pages say."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from catalog_service.app import create_service
from catalog_service.events.published import PriceChanged
from catalog_service.settings import Settings
from deploy.contracts import ROOT
from shared import migrations
from shared.bus import connect
from shared.bus.protocol import Message, Outcome
from shared.clock import now
from shared.context import opened
from shared.events import Envelope
from shared.ids import new_id
from shared.money import Money
from shared.service import Service
from shared.worker import Worker
from tests.shared.bus.conftest import embedded, rabbitmq, rabbitmqctl, vhost, wire
from tests.shared.bus.wires import Wire

__all__ = ["embedded", "rabbitmq", "vhost", "wire"]

PROGRAM = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
EUROS = "EUR"
PATIENCE = 300.0


def programs(page: str) -> list[str]:
    return PROGRAM.findall((ROOT / "docs" / "howto" / page).read_text())


@pytest.fixture
def newsletter(tmp_path: Path) -> Path:
    """The program of the page, in a folder of its own."""
    program = tmp_path / "newsletter.py"
    program.write_text(programs("listen-to-events.md")[0])
    return program


@pytest.fixture
def catalog(tmp_path: Path, wire: Wire) -> Iterator[Service]:
    """A running publisher."""
    url = f"sqlite:///{tmp_path}/catalog.db"
    settings = Settings(database_url=url, var=tmp_path, bus_url=wire.url, _env_file=None)
    service = create_service(settings)
    migrations.migrate(service)
    worker = Worker(service, connect(wire.url, client="catalog-work"))
    worker.start()
    yield service
    worker.stop()
    service.close()


def test_the_program_is_about_ten_lines_long() -> None:
    lines = [each for each in programs("listen-to-events.md")[0].splitlines() if each.strip()]

    assert len(lines) <= 12


def test_the_program_hears_what_was_kept_then_what_is_new_and_nothing_twice(
    newsletter: Path, catalog: Service, wire: Wire
) -> None:
    say_price(catalog, 990, version=1)

    with started(newsletter, wire) as heard:
        assert heard.readline() == "MUG costs 990 EUR\n"
        say_price(catalog, 890, version=2)
        assert heard.readline() == "MUG costs 890 EUR\n"
        assert "1 consumer" in told(newsletter, wire, "bus", "status")
    say_price(catalog, 790, version=3)
    with started(newsletter, wire) as heard:
        assert heard.readline() == "MUG costs 790 EUR\n"


@pytest.mark.real
def test_the_account_of_the_page_can_hear_and_make_nothing(
    newsletter: Path, place: str, rabbitmq: Wire
) -> None:
    told(newsletter, rabbitmq, "bus", "topology", "apply", "--bus-url", rabbitmq.url)

    with started(newsletter, Wire(place), QUINTET_BUS_DECLARE="false") as heard:
        say_price_on(rabbitmq)
        assert heard.readline() == "MUG costs 990 EUR\n"


def test_the_tests_of_the_page_pass(newsletter: Path) -> None:
    (newsletter.parent / "test_newsletter.py").write_text(
        programs("test-events-without-a-broker.md")[0]
    )

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_newsletter.py"],
        cwd=newsletter.parent, env=os.environ | {"PYTHONPATH": f"{ROOT}:{newsletter.parent}"},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.fixture
def place(rabbitmq: Wire, vhost: str) -> Iterator[str]:
    """The account that the page makes, on our virtual host and under a name of our own."""
    [shell] = SHELL.findall((ROOT / "docs" / "howto" / "listen-to-events.md").read_text())
    account = f"{vhost}-newsletter"
    lines = [line for line in shell.splitlines() if line.startswith("rabbitmqctl ")]
    for line in lines:
        ours = line.replace("-p quintet ", f"-p {vhost} ").replace(" newsletter ", f" {account} ")
        rabbitmqctl(*shlex.split(ours)[1:])
    yield rabbitmq.url.replace("//guest:guest@", f"//{account}:secret@")
    rabbitmqctl("delete_user", account)


def say_price_on(wire: Wire) -> None:
    event = PriceChanged(sku="MUG", price=Money(990, EUROS), previous=Money(1090, EUROS), version=1)
    by = opened(None, None)
    envelope = Envelope.around(event, id=str(new_id()), source="/catalog", time=now(), by=by)
    message = Message(envelope.id, envelope.type, envelope.to_json())
    assert wire.bus().publisher().publish([message]) == [Outcome.CONFIRMED]


def say_price(catalog: Service, amount: int, *, version: int) -> None:
    now, before = Money(amount, EUROS), Money(amount + 100, EUROS)
    with catalog.transactions.begin() as work:
        work.publish(PriceChanged(sku="MUG", price=now, previous=before, version=version))


@contextmanager
def started(program: Path, wire: Wire, **more: str) -> Iterator[IO[str]]:
    """The program as another team would start it; what it prints, log lines left out."""
    process = subprocess.Popen(
        [sys.executable, program.name], cwd=program.parent, env=environment(wire) | more,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    watchdog = threading.Timer(PATIENCE, process.kill)  # or who hears nothing reads for ever
    watchdog.start()
    try:
        yield process.stdout
    finally:
        watchdog.cancel()
        process.terminate()
        rest = process.communicate(timeout=300)[0]
    assert (rest, process.returncode) == ("", 0)


def told(program: Path, wire: Wire, *command: str) -> str:
    """What one of the program's commands says; it must say that all is well."""
    done = subprocess.run(
        [sys.executable, program.name, *command], cwd=program.parent, env=environment(wire),
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environment(wire: Wire) -> dict[str, str]:
    return os.environ | {
        "PYTHONPATH": str(ROOT),
        "QUINTET_BUS_URL": wire.url,
        "QUINTET_LOG_LEVEL": "ERROR",
        "QUINTET_DATABASE_URL": "",
    }
