"""What the shop does when something happens in the catalog."""

from __future__ import annotations

from collections.abc import Callable

from shared.handlers import Handlers
from shared.work import Work
from shop_service.domain.checkout import Code, Pace
from shop_service.events.consumed import (
    PriceChanged,
    ProductChanged,
    ProductPublished,
    ProductWithdrawn,
    StockCommitted,
    StockHeld,
    StockLevel,
    StockRefused,
    StockReleased,
)
from shop_service.usecases import known_products as known
from shop_service.usecases.checkout import cancel, give_money_back, note_goods_left, start_paying


def offer_handlers() -> Handlers:
    """How the shop's copy of the offer is kept up to date."""
    handlers = Handlers()

    @handlers.on(ProductPublished)
    def learn_new_product(work: Work, event: ProductPublished) -> None:
        """Know a product that is for sale."""
        known.learn_product(work, _news(event))

    @handlers.on(ProductChanged)
    def learn_changed_product(work: Work, event: ProductChanged) -> None:
        """Know what a product is now."""
        known.learn_product(work, _news(event))

    @handlers.on(ProductWithdrawn)
    def learn_withdrawn_product(work: Work, event: ProductWithdrawn) -> None:
        """Sell it no more."""
        known.learn_withdrawal(work, event.sku, event.version)

    @handlers.on(PriceChanged)
    def learn_new_price(work: Work, event: PriceChanged) -> None:
        """Know what it costs now."""
        known.learn_price(work, event.sku, event.version, event.price)

    @handlers.on(StockLevel)
    def learn_stock_level(work: Work, event: StockLevel) -> None:
        """Know how many are left."""
        known.learn_stock(work, event.sku, event.version, event.available)

    return handlers


def checkout_handlers(pace: Pace, wake_jobs: Callable[[], None]) -> Handlers:
    """How the catalog's answers bring a checkout on; what comes late or twice changes nothing."""
    handlers = Handlers()

    @handlers.on(StockHeld)
    def pay_for_held_goods(work: Work, event: StockHeld) -> None:
        """The goods are ours to sell: now for the money, at once."""
        if start_paying(work, event.order_id, pace):
            work.after_commit(wake_jobs)

    @handlers.on(StockRefused)
    def cancel_what_is_sold_out(work: Work, event: StockRefused) -> None:
        """There is nothing to sell."""
        cancel(work, event.order_id, Code.OUT_OF_STOCK, reason=_in_words(event))

    @handlers.on(StockCommitted)
    def note_goods_off_the_shelf(work: Work, event: StockCommitted) -> None:
        """Tell the shopper."""
        note_goods_left(work, event.order_id)

    @handlers.on(StockReleased)
    def act_on_lost_goods(work: Work, event: StockReleased) -> None:
        """Expired: the order is off. Lapsed: it was paid for meanwhile, so the money goes back."""
        if event.reason == "expired":
            cancel(work, event.order_id, Code.HOLD_EXPIRED)
        elif event.reason == "lapsed" and give_money_back(work, event.order_id):
            work.after_commit(wake_jobs)

    return handlers


def _news(event: ProductPublished) -> known.ProductNews:
    return known.ProductNews(
        sku=event.sku,
        version=event.version,
        slug=event.slug,
        name=event.name,
        image_url=event.image_url,
        price=event.price,
        available=event.available,
    )


def _in_words(event: StockRefused) -> str:
    return f"{event.reason.rstrip('.')}. Nothing was charged."[:500] if event.reason else ""
