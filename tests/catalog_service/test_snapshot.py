"""The catalog can tell its whole offer anew, page by page, behind all that is live."""

from __future__ import annotations

from sqlalchemy import select

from catalog_service.db.models import OutboxRow
from catalog_service.usecases.entering import NewProduct
from catalog_service.usecases.products import create_product, withdraw_product
from catalog_service.usecases.snapshot import OFFER, tell_offer
from shared.events import Envelope
from shared.money import Money
from shared.replay_requests import SnapshotRequested
from shared.service import Service
from shared.testing import sent_by, tell
from tests.catalog_service.builders import STAFF, products


def told(service: Service) -> list[Envelope]:
    """What was said behind what is live."""
    with service.transactions.read() as work:
        bodies = work.session.scalars(
            select(OutboxRow.body).where(OutboxRow.round == 1).order_by(OutboxRow.seq)
        ).all()
    return [Envelope.from_json(body.encode()) for body in bodies]


def in_short(envelopes: list[Envelope]) -> list[tuple[str, str, int]]:
    return [(each.type.split(".", 1)[1], each.subject, each.version) for each in envelopes]


def test_a_snapshot_tells_what_each_product_is_and_how_many_are_left(service: Service) -> None:
    products(service, MUG=3, PEN=1)

    with service.transactions.begin() as work:
        end = tell_offer(work, "", 10)

    assert end == ""
    assert in_short(told(service)) == [
        ("product.changed.v1", "MUG", 1),
        ("stock.level.v1", "MUG", 1),
        ("product.changed.v1", "PEN", 1),
        ("stock.level.v1", "PEN", 1),
    ]
    assert [each.data["available"] for each in told(service)] == [3, 3, 1, 1]


def test_what_was_withdrawn_is_told_as_gone_and_what_is_a_draft_not_at_all(
    service: Service,
) -> None:
    products(service, MUG=3)
    with service.transactions.begin() as work:
        withdraw_product(work, "MUG")
        create_product(
            work, NewProduct(sku="NEW", name="New", price=Money(5, "EUR")), "kitchen", by=STAFF
        )

        tell_offer(work, "", 10)

    assert in_short(told(service))[:2] == [
        ("product.changed.v1", "MUG", 1),
        ("product.withdrawn.v1", "MUG", 2),
    ]
    assert {each.subject for each in told(service)} == {"MUG"}


def test_a_request_is_answered_page_by_page_by_messages_to_ourselves(service: Service) -> None:
    with_two_pages = {f"SKU{number:03}": 1 for number in range(250)}
    products(service, **with_two_pages)
    asked = SnapshotRequested(service="shop", types=["catalog.stock.level.v1"])

    tell(service, asked)
    first = told(service)
    rest = SnapshotRequested.model_validate(first[-1].data)
    tell(service, rest, source="/catalog")

    assert (rest.part, rest.after) == ("catalog/offer", "SKU199")
    assert len(first) == 401
    assert {each.subject for each in told(service)} == {*with_two_pages, "shop"}
    assert told(service)[-1].type == "catalog.stock.level.v1"


def test_who_asks_for_what_we_do_not_tell_gets_nothing(service: Service) -> None:
    products(service, MUG=3)
    before = len(sent_by(service))

    tell(service, SnapshotRequested(service="shop", types=["auth.user.registered.v1"]))
    tell(service, SnapshotRequested(service="shop", types=sorted(OFFER.types), part="else/where"))

    assert len(sent_by(service)) == before
