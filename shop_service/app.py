"""The composition root: everything the shop is made of, put together."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from starlette.types import ASGIApp

from shared.eventplane.api import bus_router
from shared.eventplane.permissions import bus_permissions
from shared.handlers import Handlers
from shared.http.api import create_api
from shared.http.lazy import LazyAdmin
from shared.http.pages import as_asgi
from shared.http.root import Root, create_root
from shared.jobs import Job, hourly
from shared.service import Service, Tables, assemble
from shared.work import Work
from shop_service.api import carts, orders, progress, staff
from shop_service.db.models import Base, InboxRow, KeyRow, OutboxRow, ParkedRow
from shop_service.db.orders import correlations_of
from shop_service.db.provider_books import ProviderBooks
from shop_service.domain.checkout import Pace
from shop_service.events.published import PUBLISHED, PermissionsAnnounced
from shop_service.handlers.auth import user_handlers
from shop_service.handlers.catalog import checkout_handlers, offer_handlers
from shop_service.pages.site import create_site
from shop_service.providers.test_payment import TestProvider
from shop_service.settings import Settings
from shop_service.usecases import payments, sagas, upkeep
from shop_service.usecases.checkout import cancel_what_waits_too_long

TABLES = Tables(Base.metadata, OutboxRow, InboxRow, ParkedRow, KeyRow)
MIGRATIONS = Path(__file__).parent / "db" / "migrations"
PERMISSIONS = {
    "shop.view_order": "See everybody's orders, carts and payments",
    "shop.cancel_order": "Cancel somebody's order",
    "shop.ship_order": "Note that an order was sent",
    "shop.refund_order": "Send the money of an order back",
    **bus_permissions("shop"),
}
ABOUT = (
    "Carts, orders and payments. Test cards: 4242 4242 4242 4242 succeeds, 4000 0000 0000 0002 is "
    "declined, 4000 0000 0000 9995 lacks funds, 4000 0000 0000 4087 never answers, "
    "4000 0000 0000 2024 answers late. A guest's cart is held by the cookie `quintet_cart` "
    "(`__Host-quintet_cart` on https) or by the header `X-Cart-Token`."
)


def create_service(settings: Settings) -> Service:
    """The shop, ready to serve and to work."""
    service = assemble(settings, TABLES, MIGRATIONS)
    till = create_till(service, settings)
    service.handlers = _handlers(service, till.pace)
    service.published = PUBLISHED
    service.permissions = PERMISSIONS
    service.on_start.append(announce_permissions)
    service.gauges.append(sagas.show)
    service.jobs = _jobs(service, settings, till)
    service.create_app = lambda _: create_app(service, till)
    return service


def create_till(service: Service, settings: Settings) -> payments.Till:
    """The payment provider, and how long the checkout waits for whom."""
    pace = Pace(
        stock=timedelta(minutes=settings.stock_minutes),
        payment=timedelta(seconds=settings.payment_seconds),
        lease=timedelta(seconds=settings.payment_lease_seconds),
    )
    provider = TestProvider(ProviderBooks(service.transactions))
    return payments.Till(provider, pace, settings.payment_threads)


def create_app(service: Service, till: payments.Till) -> Root:
    """The shop's doors for HTTP."""
    bus = bus_router("shop", resolve=correlations_of)
    routers = [carts.router, orders.router, progress.router, staff.router, bus]
    api = create_api(service, routers, title="Shop", prefix="/api/shop", about=ABOUT)
    api.state.till = till
    pages = as_asgi(create_site(service, till), threads=service.settings.page_threads)
    return create_root(
        service, apis={"/api/shop": api}, pages=pages, admin=LazyAdmin(lambda: _admin(service))
    )


def _admin(service: Service) -> ASGIApp:
    from shop_service.pages.admin import create_orders_admin  # heavy: only when it is looked at

    return create_orders_admin(service)


def announce_permissions(work: Work) -> None:
    """Tell which permissions the shop checks."""
    work.publish(PermissionsAnnounced(service="shop", version=1, permissions=PERMISSIONS))


def _handlers(service: Service, pace: Pace) -> Handlers:
    handlers = Handlers()
    for each in (
        offer_handlers(),
        checkout_handlers(pace, service.bell.ring),
        user_handlers(),
    ):
        handlers.include(each)
    return handlers


def _jobs(service: Service, settings: Settings, till: payments.Till) -> list[Job]:
    transactions = service.transactions

    def expire_carts() -> int:
        return upkeep.expire_guest_carts(transactions, settings.guest_cart_days)

    def purge_keys() -> int:
        return upkeep.purge_keys(transactions, settings.key_hours)

    return [
        Job("payments", lambda: payments.run_errands(transactions, till), every=2.0, woken=True),
        Job("deadlines", lambda: cancel_what_waits_too_long(transactions), every=5.0),
        Job("guest-carts", hourly(expire_carts), every=600.0),
        Job("keys", hourly(purge_keys), every=600.0),
    ]
