"""Faults of the databases and of the road to them."""

from __future__ import annotations

import os
import resource
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from tests.faults.rounds import Round, Scenario
from tests.faults.servers import Postgres


def _postgres(round_: Round) -> Postgres:
    postgres = round_.rig.servers_used.postgres
    assert postgres is not None
    return postgres


def ended_sessions(round_: Round) -> None:
    """An administrator ends sessions at random."""
    round_.counted = False
    round_.wait_for_orders(0.05)
    with round_.fault("pg_terminate_backend, 10 times"), _postgres(round_).admin() as admin:
        for _ in range(10):
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE %s "
                "ORDER BY random() LIMIT 3",
                [f"{round_.rig.tag}%"],
            )
            time.sleep(round_.dice.uniform(0.05, 0.3))


def restarted(mode: str) -> Scenario:
    """PostgreSQL is stopped and started again under load."""

    def act(round_: Round) -> None:
        round_.counted = False
        round_.wait_for_orders(round_.dice.uniform(0.1, 0.5))
        with round_.fault(f"PostgreSQL stopped ({mode}) and started"):
            _postgres(round_).stop(mode)
            time.sleep(round_.dice.uniform(0, 1.5))
            _postgres(round_).start()

    return Scenario(f"PostgreSQL restart ({mode})", (16,), act, ("real",), pause=0.05)


def cut_commits(round_: Round) -> None:
    """The answer to a COMMIT never comes: was it done? Half of them were not."""
    round_.counted = False
    proxy = round_.rig.database_proxy
    assert proxy is not None
    cuts = proxy.cuts
    with round_.fault("cut around COMMIT, 12 times"):
        for _ in range(6):
            proxy.cut(2, before=round_.dice.random() < 0.5)
            time.sleep(round_.dice.uniform(0.1, 0.5))
        round_.wait_for_orders(0.9)
        proxy.heal()
    round_.detail.append(f"{proxy.cuts - cuts} cuts")
    round_.expect(proxy.cuts > cuts, "nothing was cut")


def bad_road(round_: Round) -> None:
    """Slow, then reset, then refused."""
    round_.counted = False
    proxy = round_.rig.database_proxy
    assert proxy is not None
    with round_.fault("slow, reset and refused road to PostgreSQL"):
        proxy.delay = 0.005
        time.sleep(1)
        proxy.delay = 0.0
        for _ in range(3):
            proxy.reset()
            time.sleep(round_.dice.uniform(0.1, 0.5))
        proxy.refusing = True
        proxy.reset()
        time.sleep(round_.dice.uniform(0.5, 2))
        proxy.heal()


def locked_outbox(round_: Round) -> None:
    """Somebody else holds the outbox."""
    seconds = round_.dice.uniform(1, 4)
    service = round_.dice.choice(["shop", "catalog"])
    round_.wait_for_orders(0.1)
    with round_.fault(f"outbox of {service} locked for {seconds:.1f} s"):
        if round_.rig.stack == "embedded":
            _lock_file(round_.rig.folder / f"{service}.db", seconds)
        else:
            with round_.rig.administrator(service) as other, other.transaction():
                other.execute("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
                time.sleep(seconds)


def locked_bus(round_: Round) -> None:
    """Somebody else holds the bus file."""
    seconds = round_.dice.uniform(1, 4)
    round_.wait_for_orders(0.1)
    with round_.fault(f"bus file locked for {seconds:.1f} s"):
        _lock_file(round_.rig.folder / "bus.db", seconds)


def _lock_file(path: Path, seconds: float) -> None:
    with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        other.execute("ROLLBACK")


def full_disk(round_: Round) -> None:
    """No file of the shop may grow: nothing is half done, and all goes on when there is room."""
    round_.wait_for_orders(0.2)
    pids = [round_.rig.pid(name) for name in ("shop", "shop-work")]
    files = list(round_.rig.folder.glob("shop.db*"))
    largest = max(path.stat().st_size for path in files)
    free = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    with round_.fault("files of the shop may not grow"):
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest // 2, free[1]))
        failed = round_.history.counts["failed"]
        round_.eventually(lambda: round_.history.counts["failed"] > failed, within=5)
        time.sleep(1.5)
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, free)
    refused = round_.history.counts["failed"] - failed
    round_.detail.append(f"{refused} calls refused: {dict(round_.history.statuses)}")
    round_.expect(500 not in round_.history.statuses, "answered 500 instead of 503")


def full_tablespace(round_: Round) -> None:
    """The outbox has no room left: orders are refused whole, and all goes on when there is room."""
    if os.geteuid() != 0:
        round_.detail.append("not played: mounting a small disk needs root")
        return
    rig = round_.rig
    with rig.servers_used.small_disk("64m") as disk, rig.administrator("shop") as admin:
        admin.execute(f"CREATE TABLESPACE small LOCATION '{disk}'".encode())
        admin.execute("ALTER TABLE outbox SET TABLESPACE small")
        round_.wait_for_orders(0.2)
        with round_.fault("no room for the shop's outbox"):
            filler = disk / "filler"
            _fill(filler)
            failed = round_.history.counts["failed"]
            round_.eventually(lambda: round_.history.counts["failed"] > failed, within=10)
            time.sleep(2)
            filler.unlink()
        refused = round_.history.counts["failed"] - failed
        round_.detail.append(f"{refused} calls refused: {dict(round_.history.statuses)}")
        round_.expect(500 not in round_.history.statuses, "answered 500 instead of 503")
        round_.wait_for_orders(1.0)
        admin.execute("ALTER TABLE outbox SET TABLESPACE pg_default")
        admin.execute("DROP TABLESPACE small")


def _fill(filler: Path) -> None:
    with filler.open("wb") as file, suppress(OSError):
        while True:
            file.write(b"x" * 65536)
            file.flush()


def small_pool(round_: Round) -> None:
    """More requests than database connections: they wait or are refused, nothing is half done."""
    with round_.fault("database pool of 1"):
        round_.rig.restart("shop", SHOP_DATABASE_POOL="1")
        round_.rig.restart("shop-work", SHOP_DATABASE_POOL="2")
        round_.wait_for_orders(1.0)
        round_.rig.restart("shop")
        round_.rig.restart("shop-work")


SCENARIOS = [
    Scenario("database sessions ended", (16,), ended_sessions, ("real",), short=True),
    restarted("fast"),
    restarted("immediate"),
    Scenario("cut around COMMIT", (16,), cut_commits, ("real",), rig={"proxied": "database"}),
    Scenario("bad road to the database", (16,), bad_road, ("real",), rig={"proxied": "database"}),
    Scenario("outbox locked", (16,), locked_outbox),
    Scenario("bus file locked", (16, 24), locked_bus, ("embedded",)),
    Scenario("disk full", (17,), full_disk, ("embedded",), pause=0.05),
    Scenario("disk of the outbox full", (17,), full_tablespace, ("real",), pause=0.05),
    Scenario("few database connections", (16,), small_pool),
]
