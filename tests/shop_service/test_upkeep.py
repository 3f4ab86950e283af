"""What runs by itself, and what is proved by commands."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import update
from typer.testing import CliRunner

from shared import logging, migrations
from shared.ids import new_id
from shared.service import Service
from shared.testing import Databases, RecordedClock, sent_by, tell
from shop_service.app import announce_permissions
from shop_service.db.models import KeyRow, Order, PaymentRow
from shop_service.events.consumed import UserErased
from shop_service.usecases.orders import OrderWish, place_order
from shop_service.usecases.upkeep import expire_guest_carts, purge_keys
from tests.shop_service import builders as b
from tests.shop_service.builders import Shop


def test_untouched_guest_carts_go_and_ordered_ones_stay(
    service: Service, time: RecordedClock
) -> None:
    b.a_shopper(service, mug=1)
    b.a_shopper(service, user_id=new_id(), mug=1)
    b.a_placed_order(service)

    time.forward(days=29)
    b.a_shopper(service, pen=1)
    early = expire_guest_carts(service.transactions, 30)
    time.forward(days=2)
    late = expire_guest_carts(service.transactions, 30)

    assert (early, late) == (0, 1)
    assert b.count_of(service, "carts") == 3


def test_answers_that_nobody_asks_for_again_are_forgotten(
    shop: Shop, service: Service, time: RecordedClock
) -> None:
    shop.add("mug")
    shop.add("mug", headers={"idempotency-key": "old"})

    time.forward(hours=47)
    early = purge_keys(service.transactions, 48)
    time.forward(hours=2)
    late = purge_keys(service.transactions, 48)

    assert (early, late) == (0, 1)


def test_erased_users_leave_their_orders_without_their_names(service: Service) -> None:
    user_id = new_id()
    shopper = b.a_shopper(service, user_id=user_id, mug=2)
    wish = OrderWish(shopper, "ada@example.com", "Ada", dict(b.ADDRESS), b.GOOD)
    with service.transactions.begin() as work:
        order_id = place_order(work, wish, b.till_of(service)).id
    b.a_shopper(service, user_id=user_id, pen=1)

    tell(service, UserErased(user_id=user_id, version=9))

    with service.transactions.read() as work:
        order = work.session.get(Order, order_id)
        assert order is not None
        assert (order.user_id, order.email, order.shipping_address) == (None, "", {})
        assert order.total_amount == 2500
        assert work.session.query(KeyRow).count() == 0
    assert b.count_of(service, "carts") == 1


def test_the_permissions_are_announced(service: Service) -> None:
    with service.transactions.begin() as work:
        announce_permissions(work)

    said = sent_by(service)[0]
    assert (said.type, said.subject) == ("shop.permissions.announced.v1", "shop")
    assert set(said.data["permissions"]) == set(service.permissions)


def test_reconcile_finds_money_that_is_not_where_it_should_be(service: Service) -> None:
    order_id = b.a_confirmed_order(service)
    fine = b.wrongs(service)
    with service.transactions.begin() as work:
        work.session.execute(
            update(PaymentRow).where(PaymentRow.order_id == order_id).values(captured_amount=1)
        )

    found = b.wrongs(service)

    number = b.number_of(service, order_id)
    assert fine == []
    assert found == [
        "Captured − refunded is 1 EUR, but confirmed orders say 1250.",
        f"Order {number}: we say 1 captured and 0 refunded, test says 1250 and 0.",
    ]


def test_reconcile_finds_checkouts_that_nobody_works_on(
    service: Service, time: RecordedClock
) -> None:
    order_id = b.a_placed_order(service)
    b.hold(service, order_id)

    time.forward(minutes=5)

    assert "is still paying" in b.wrongs(service)[0]


def test_the_command_says_that_all_is_well(tmp_path: Path) -> None:
    from shop_service.cli import cli

    runner, env = CliRunner(), {"QUINTET_VAR": str(tmp_path), "SHOP_DATABASE_URL": ""}

    migrated = runner.invoke(cli, ["migrate"], env=env)
    proved = runner.invoke(cli, ["reconcile"], env=env)
    logging.set_up("tests", style="console", level="INFO")  # not into the runner's closed output

    assert (migrated.exit_code, proved.exit_code) == (0, 0)
    assert "the money is right" in proved.stdout


def test_models_and_migrations_say_the_same_and_lead_back(databases: Databases) -> None:
    from alembic import command

    with databases.service() as service:
        command.check(migrations.config_of(service))
        migrations.migrate(service, "base")
        gone = migrations.applied(service.database)
        migrations.migrate(service)

        newest = migrations.newest(service.migrations)
        assert (gone, migrations.applied(service.database)) == ("", newest)
