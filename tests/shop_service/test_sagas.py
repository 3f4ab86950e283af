"""Orders on their way can be seen: by command, as figures, with their ages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from typer.testing import CliRunner

from shared.service import Service
from shared.testing import RecordedClock
from shop_service.cli import cli
from shop_service.domain.checkout import Code
from shop_service.usecases import sagas
from shop_service.usecases.checkout import cancel
from tests.shop_service import builders as b


def test_an_order_on_its_way_is_listed_with_its_step_and_age(
    service: Service, time: RecordedClock
) -> None:
    order_id = b.a_placed_order(service)
    time.forward(seconds=42)

    [saga] = under_way(service)

    assert (saga.step, saga.age, saga.attempts) == ("awaiting_stock", 42, 0)
    assert saga.gives_up_in == 15 * 60 - 42
    b.hold(service, order_id)
    b.pay(service)
    assert under_way(service) == []


def test_an_order_that_has_to_be_undone_never_gives_up_and_grows_old_in_sight(
    service: Service, time: RecordedClock
) -> None:
    order_id = b.a_placed_order(service, b.SILENT)
    b.hold(service, order_id)
    b.pay(service)
    with service.transactions.begin() as work:
        cancel(work, order_id, Code.BY_SHOPPER)
    time.forward(hours=2)

    [saga] = under_way(service)
    show(service)

    assert (saga.step, saga.gives_up_in) == ("undoing", None)
    labels = {"step": "undoing"}
    assert REGISTRY.get_sample_value("quintet_saga_open", labels) == 1
    assert REGISTRY.get_sample_value("quintet_saga_oldest_seconds", labels) == saga.age == 7200
    assert "never" in sagas.table_of([saga])[1]


def test_a_step_that_nobody_is_at_any_more_counts_nought(service: Service) -> None:
    order_id = b.a_placed_order(service)
    show(service)
    b.refuse(service, order_id)
    show(service)

    labels = {"step": "awaiting_stock"}
    assert REGISTRY.get_sample_value("quintet_saga_open", labels) == 0
    assert REGISTRY.get_sample_value("quintet_saga_oldest_seconds", labels) == 0


def test_the_command_tells_people_and_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_VAR", str(tmp_path))
    assert CliRunner().invoke(cli, ["migrate"]).exit_code == 0

    for_people = CliRunner().invoke(cli, ["sagas"])
    for_programs = CliRunner().invoke(cli, ["sagas", "--json"])

    assert "no order is on its way" in for_people.output
    assert json.loads(for_programs.output) == []


def under_way(service: Service) -> list[sagas.Saga]:
    with service.transactions.read() as work:
        return sagas.under_way(work)


def show(service: Service) -> None:
    with service.transactions.read() as work:
        sagas.show(work)
