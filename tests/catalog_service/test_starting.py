"""What the catalog does when it is set up: migrations, demo data, seeds, commands, chores."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, inspect, select
from typer.testing import CliRunner

from catalog_service.app import announce_permissions, create_service, files_of
from catalog_service.cli import cli
from catalog_service.db.models import Base, Category, KeyRow, Product
from catalog_service.settings import Settings
from catalog_service.usecases.chores import Sweeper, purge_keys
from catalog_service.usecases.demo import fill_with_demo
from catalog_service.usecases.ledger import differing_shelves
from catalog_service.usecases.seeding import seed
from shared import migrations
from shared.service import Service
from shared.testing import Databases, recorded_clock, said, sent_by, tell
from shared.uploads import Files
from tests.catalog_service.builders import placed, products, shelf


def test_migrations_lead_to_the_models_and_back(databases: Databases) -> None:
    from alembic import command

    with databases.service() as service:
        command.check(migrations.config_of(service))
        migrations.migrate(service, "base")
        left = set(inspect(service.database.engine).get_table_names())
        migrations.migrate(service)
        there = set(inspect(service.database.engine).get_table_names())

    assert left <= {"alembic_version", "leases"}
    assert set(Base.metadata.tables) <= there


def test_the_demo_shop_is_entered_once_and_quickly(service: Service) -> None:
    files = files_of(service)
    started = time.perf_counter()

    entered, again = fill_with_demo(service, files), fill_with_demo(service, files)

    assert entered >= 70
    assert again == 0
    assert time.perf_counter() - started < 60  # it took minutes, one product at a time
    events = sent_by(service)
    assert sum(e.type == "catalog.product.published.v1" for e in events) == entered
    assert sum(e.type == "catalog.stock.level.v1" for e in events) > entered * 0.8
    assert all(
        files.path_of(e.data["image_url"].rsplit("/", 1)[1])
        for e in events
        if "image_url" in e.data
    )


def test_made_up_goods_can_be_added_to_any_catalogue(service: Service, tmp_path: Path) -> None:
    files = Files(tmp_path)

    first, second = list(seed(service, files, 30)), list(seed(service, files, 20))

    assert (first, second) == ([30], [20])
    with service.transactions.read() as work:
        assert work.session.scalar(select(func.count()).select_from(Product)) == 50
        assert work.session.scalar(select(func.count()).select_from(Category))
        assert differing_shelves(work) == {}


def test_permissions_are_announced(service: Service) -> None:
    with service.transactions.begin() as work:
        announce_permissions(work)
        assert said(work) == ["catalog.permissions.announced.v1"]

    assert sent_by(service)[0].data["permissions"].keys() == service.permissions.keys()


def test_every_event_is_declared_with_its_key(service: Service) -> None:
    assert len({each.TYPE for each in service.published}) == len(service.published) == 11
    assert all(each.KEY in each.model_fields for each in service.published)
    assert service.handlers.types == [
        "shop.order.cancelled.v1", "shop.order.paid.v1", "shop.order.placed.v1",
    ]  # fmt: skip


def test_the_sweeper_releases_what_is_due_and_otherwise_rests(service: Service) -> None:
    from uuid import uuid4

    products(service, MUG=3)
    with recorded_clock() as now:
        tell(service, placed(uuid4(), MUG=2))
        rested = Sweeper(service).run()
        now.forward(minutes=15)
        sweeper = Sweeper(service)
        swept, again = sweeper.run(), sweeper.run()

    assert (rested, swept, again) == (0, 1, 0)
    assert shelf(service) == (3, 0)


def test_old_answers_are_forgotten(service: Service) -> None:
    with recorded_clock() as now:
        for age in (30, 0):
            with service.transactions.begin() as work:
                row = KeyRow()
                row.caller, row.key, row.fingerprint = "me", f"k{age}", "f"
                row.created_at = now.at - timedelta(hours=age)
                work.session.add(row)

        gone = purge_keys(service, timedelta(hours=24))

    assert gone == 1


def test_a_catalogue_is_run_from_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATALOG_VAR", str(tmp_path))
    monkeypatch.setenv("CATALOG_LOG_LEVEL", "ERROR")
    runner = CliRunner()

    def run(*words: str) -> tuple[int, str]:
        result = runner.invoke(cli, list(words))
        return result.exit_code, result.output

    assert run("migrate")[0] == 0
    assert "products entered" in run("demo")[1]
    assert "already" in run("demo")[1]
    assert "5 of 5 products" in run("seed", "--size", "5")[1]
    assert "SEED-0000001:" in run("receive", "SEED-0000001", "3")[1]
    assert run("receive", "NOPE", "3")[0] == 1
    assert "85 of 85 products" in run("rebuild-search")[1]
    assert run("rebuild-stock", "--check") == (0, "0 shelves differ\n")
    with_service = create_service(Settings(var=tmp_path, _env_file=None))
    with with_service.transactions.begin() as work:
        work.session.connection().exec_driver_sql(
            "UPDATE shelves SET on_hand = on_hand + 1 WHERE sku = 'SEED-0000001'"
        )
    with_service.close()
    assert run("rebuild-stock", "--check")[0] == 1
    assert "1 shelves rebuilt" in run("rebuild-stock")[1]
    assert run("rebuild-stock", "--check")[0] == 0
