"""What must always hold once the bus is quiet, read from the databases and not from answers."""

from __future__ import annotations

from tests.system.platform import SERVICES, Platform

# Who listens to what, as their inboxes must show it.
HEARD_BY = {
    "catalog": {"shop.order.placed.v1", "shop.order.paid.v1", "shop.order.cancelled.v1"},
    "shop": {
        "catalog.product.published.v1",
        "catalog.product.changed.v1",
        "catalog.product.withdrawn.v1",
        "catalog.price.changed.v1",
        "catalog.stock.level.v1",
        "catalog.stock.held.v1",
        "catalog.stock.refused.v1",
        "catalog.stock.committed.v1",
        "catalog.stock.released.v1",
    },
}


def broken_invariants(platform: Platform) -> list[str]:
    """Every rule that does not hold right now, as a sentence; empty when all do."""
    found = [
        *_unsent_or_parked(platform),
        *_events_not_heard_once(platform),
        *_stock_that_does_not_add_up(platform),
        *_orders_without_an_end(platform),
    ]
    # The books are only closed once everything else is quiet, and reading them takes a while.
    return found or _books_that_do_not_close(platform)


def _unsent_or_parked(platform: Platform) -> list[str]:
    found = []
    for service in SERVICES:
        (unsent,) = platform.query(
            service, "SELECT count(*) FROM outbox WHERE published_at IS NULL"
        )[0]
        (parked,) = platform.query(service, "SELECT count(*) FROM parked_events")[0]
        if unsent:
            found.append(f"{service} has {unsent} events that were not sent")
        if parked:
            found.append(f"{service} has {parked} parked events")
    return found


def _events_not_heard_once(platform: Platform) -> list[str]:
    said = {
        str(id_): str(type_)
        for service in SERVICES
        for id_, type_ in platform.query(service, "SELECT id, type FROM outbox")
    }
    found = []
    for service, types in HEARD_BY.items():
        # The gateway asks who is there; it has no outbox that would show that.
        rows = platform.query(
            service,
            "SELECT event_id FROM inbox WHERE event_id NOT LIKE 'subscribed:%' "
            "AND type <> 'quintet.snapshot.requested.v1'",
        )
        heard = {str(id_) for (id_,) in rows}
        wanted = {id_ for id_, type_ in said.items() if type_ in types}
        if wanted - heard:
            found.append(f"{service} never heard {len(wanted - heard)} events")
        if heard - set(said):
            found.append(f"{service} heard {len(heard - set(said))} events that nobody said")
    return found


def _stock_that_does_not_add_up(platform: Platform) -> list[str]:
    wrong = platform.query(
        "catalog", "SELECT sku FROM shelves WHERE on_hand < 0 OR held < 0 OR held > on_hand"
    )
    if wrong:
        return [f"stock of {wrong} is impossible"]
    held = platform.query(
        "catalog",
        "SELECT s.sku, s.held, COALESCE(SUM(l.quantity), 0) FROM shelves s "
        "LEFT JOIN (SELECT hl.sku, hl.quantity FROM hold_lines hl JOIN holds h "
        "ON h.order_id = hl.order_id WHERE h.state = 'held') l ON l.sku = s.sku "
        "GROUP BY s.sku, s.held HAVING s.held <> COALESCE(SUM(l.quantity), 0)",
    )
    return [
        f"held counter of {sku} says {counter}, its holds {sum_}" for sku, counter, sum_ in held
    ]


def _orders_without_an_end(platform: Platform) -> list[str]:
    open_ = platform.query("shop", "SELECT number FROM orders WHERE status = 'placed'")
    return [f"order {number} has no end" for (number,) in open_]


def _books_that_do_not_close(platform: Platform) -> list[str]:
    found = []
    for service, *words in (("shop", "reconcile"), ("catalog", "rebuild-stock", "--check")):
        code, said = platform.command(service, *words)
        if code:
            found.append(f"{service} {' '.join(words)}: {said}")
    return found
