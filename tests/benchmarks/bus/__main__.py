"""`make bench-bus`: what the bus costs, beside three other clients on the same RabbitMQ.

Everybody does the same durable work, one after the other in one run: persistent messages into a
quorum queue with confirms; an inbox row and the effect in one transaction, acknowledged after it.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.service import Service
from tests.benchmarks.bus import backlog, idle, latency, ours, report, teller
from tests.benchmarks.bus import ground as place
from tests.benchmarks.bus.ground import Ground
from tests.benchmarks.bus.races import Race, cell

PARTS = ("publish", "relay", "consume", "latency", "idle", "backlog")
PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "benchmarks-bus.md"


def main() -> None:
    """Measure, print, and (for a whole run) write the reference page."""
    asked = _arguments()
    began, load = time.monotonic(), os.getloadavg()
    page = report.Report(load_before=load[0], full=asked.full)
    with _prepared() as (ground, service):
        race = Race(service, ground, rounds=asked.rounds)
        for part in asked.only:
            _run(part, page, race, asked)
    page.finish(time.monotonic() - began)
    if set(asked.only) == set(PARTS) and not asked.dry:
        PAGE.write_text(page.text())
        print(f"wrote {PAGE}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=3000, help="in each cell")
    parser.add_argument("--seconds", type=float, default=30, help="of latency and of idling")
    parser.add_argument("--full", action="store_true", help="500 000 rows instead of 50 000")
    parser.add_argument("--dry", action="store_true", help="do not write the reference page")
    asked = parser.parse_args()
    asked.messages = max(1, asked.messages // ours.WINDOW) * ours.WINDOW  # whole windows only
    return asked


def _run(part: str, page: report.Report, race: Race, asked: argparse.Namespace) -> None:
    if part in ("publish", "relay", "consume"):
        page.race(part, getattr(race, part)(asked.messages), asked.messages)
    elif part == "latency":
        page.latency("RabbitMQ + PostgreSQL", _latency_on_servers(race, asked.seconds))
        page.latency("embedded", _latency_embedded(asked.seconds))
    elif part == "idle":
        page.idle("RabbitMQ + PostgreSQL", _idle_on_servers(asked.seconds))
        page.idle("embedded", _idle_embedded(asked.seconds))
    else:
        count = 500_000 if asked.full else 50_000
        backlog.prepare(race.service, race.ground, count)
        found = cell("backlog", "drain", race.ground, limit=900, count=count)
        page.backlog(count, found, backlog.order_kept(race.ground, count))


@contextmanager
def _prepared() -> Iterator[tuple[Ground, Service]]:
    with place.ground() as ground:
        service = teller.create(ground.database, ground.amqp, ground.folder)
        teller.make_tables(service)
        place.declare(ground.amqp)
        try:
            yield ground, service
        finally:
            service.close()


def _latency_on_servers(race: Race, seconds: float) -> dict[str, float]:
    teller.forget(race.service)
    place.empty(race.ground.amqp)
    with place.ground() as other:
        speaker = teller.create(other.database, race.ground.amqp, other.folder)
        teller.make_tables(speaker)
        speaker.close()
        source = {"database": other.database, "bus": race.ground.amqp, "folder": other.folder}
        target = {"database": race.ground.database, "bus": race.ground.amqp, "folder": other.folder}
        return latency.measure(source, target, seconds)


def _latency_embedded(seconds: float) -> dict[str, float]:
    with place.folder() as folder:
        addresses = []
        for name in ("source", "target"):
            database = f"sqlite:///{folder}/{name}.db"
            addresses.append({"database": database, "bus": f"embedded:{folder}/bus.db"})
            addresses[-1]["folder"] = folder
            service = teller.create(**addresses[-1])
            teller.make_tables(service)
            service.close()
        return latency.measure(addresses[0], addresses[1], seconds)


def _idle_on_servers(seconds: float) -> dict[str, float]:
    with place.ground() as auth, place.ground() as catalog, place.ground() as shop:
        environment = {"QUINTET_BUS_URL": auth.amqp}
        for name, ground in (("AUTH", auth), ("CATALOG", catalog), ("SHOP", shop)):
            environment[f"{name}_DATABASE_URL"] = ground.database
        return idle.measure(environment, auth.folder, seconds)


def _idle_embedded(seconds: float) -> dict[str, float]:
    with place.folder() as folder:
        return idle.measure({}, folder, seconds)


if __name__ == "__main__":
    main()
