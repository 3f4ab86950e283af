"""What the catalog does when something happens in the shop."""

from __future__ import annotations

from catalog_service.domain.stock import summed
from catalog_service.events.consumed import OrderCancelled, OrderPaid, OrderPlaced
from catalog_service.usecases.holds import commit_hold, hold_stock, release_hold
from shared.handlers import Handlers
from shared.work import Work


def listen_to_shop(*, hold_minutes: int) -> Handlers:
    """The catalog's ears for the shop; stock is held for `hold_minutes`."""
    handlers = Handlers()

    @handlers.on(OrderPlaced)
    def hold_stock_for_new_order(work: Work, event: OrderPlaced) -> None:
        wanted = summed((line.sku, line.quantity) for line in event.lines)
        hold_stock(work, event.order_id, wanted, minutes=hold_minutes)

    @handlers.on(OrderPaid)
    def sell_what_is_paid(work: Work, event: OrderPaid) -> None:
        commit_hold(work, event.order_id)

    @handlers.on(OrderCancelled)
    def release_what_is_cancelled(work: Work, event: OrderCancelled) -> None:
        release_hold(work, event.order_id)

    return handlers
