"""The composition root: the catalog service, put together."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from fastapi import FastAPI
from starlette.types import ASGIApp

from catalog_service.api import categories, editing, pictures, products, stock
from catalog_service.db.models import Base, InboxRow, KeyRow, OutboxRow, ParkedRow
from catalog_service.domain.groups import groups_changed_at
from catalog_service.events.published import PUBLISHED, PermissionsAnnounced
from catalog_service.handlers.shop import listen_to_shop
from catalog_service.pages.app import create_storefront
from catalog_service.pages.media import create_media
from catalog_service.settings import Settings
from catalog_service.usecases import chores
from catalog_service.usecases.demo import fill_with_demo
from catalog_service.usecases.snapshot import OFFER
from shared.eventplane.api import bus_router
from shared.eventplane.permissions import bus_permissions
from shared.http.api import create_api
from shared.http.caching import ChangesTold
from shared.http.lazy import LazyAdmin
from shared.http.pages import as_asgi
from shared.http.root import Root, create_root
from shared.service import Service, Tables, assemble
from shared.uploads import Files
from shared.work import Work

TABLES = Tables(Base.metadata, OutboxRow, InboxRow, ParkedRow, KeyRow)
MIGRATIONS = Path(__file__).parent / "db" / "migrations"

ABOUT = "What we sell and how many are left."

PERMISSIONS = {
    "catalog.view_product": "See products that are not on sale",
    "catalog.change_product": "Enter, change, publish and withdraw products",
    "catalog.change_price": "Change prices",
    "catalog.view_stock": "See stock, holds and movements",
    "catalog.change_stock": "Receive goods and count shelves",
    "catalog.change_category": "Change the tree of categories",
    **bus_permissions("catalog"),
}


def create_service(settings: Settings) -> Service:
    """The catalog, ready for its doors, its worker and its commands."""
    service = assemble(settings, TABLES, MIGRATIONS)
    service.handlers = listen_to_shop(hold_minutes=settings.hold_minutes)
    service.published = PUBLISHED
    service.snapshots = [OFFER]
    service.permissions = PERMISSIONS
    service.on_start.append(announce_permissions)
    service.jobs = chores.jobs_of(service, keep_keys=timedelta(hours=settings.keep_keys_hours))
    service.fill_with_demo = fill
    service.create_app = lambda ready: create_app(ready, settings)
    return service


def create_app(service: Service, settings: Settings) -> Root:
    """The catalog's doors, behind one front."""
    api = create_catalog_api(service, settings)
    media = create_media(files_of(service))
    return create_root(
        service,
        apis={"/api/catalog": ChangesTold(api, groups_changed_at), "/media/catalog": media},
        admin=ChangesTold(LazyAdmin(lambda: _admin(service)), groups_changed_at),
        pages=as_asgi(
            create_storefront(service, gateway_seconds=settings.gateway_seconds),
            threads=settings.page_threads,
        ),
    )


def _admin(service: Service) -> ASGIApp:
    # The panel is heavy to import, and most processes never show it.
    from catalog_service.pages.admin import create_catalog_admin

    return create_catalog_admin(service, files_of(service))


def create_catalog_api(service: Service, settings: Settings) -> FastAPI:
    """The JSON door."""
    routers = [module.router for module in (products, categories, editing, pictures, stock)]
    routers.append(bus_router("catalog"))
    api = create_api(service, routers, title="Catalog", prefix="/api/catalog", about=ABOUT)
    api.state.files = files_of(service)
    api.state.cache_seconds = settings.cache_seconds
    api.state.gateway_seconds = settings.gateway_seconds
    api.state.picture_limit = settings.picture_limit_mb * 1024 * 1024
    return api


def files_of(service: Service) -> Files:
    """Where pictures are kept."""
    settings = service.settings
    assert isinstance(settings, Settings)
    return Files((settings.media or settings.var / "media") / "catalog")


def fill(service: Service) -> None:
    """Fill an empty catalogue with the demonstration shop."""
    fill_with_demo(service, files_of(service))


def announce_permissions(work: Work) -> None:
    """Tell which permissions exist here, so that they can be granted."""
    work.publish(PermissionsAnnounced(service="catalog", version=1, permissions=PERMISSIONS))
