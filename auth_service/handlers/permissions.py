"""What auth does when a service says what one may be allowed to do there."""

from __future__ import annotations

from auth_service.events.consumed import CatalogPermissionsAnnounced, ShopPermissionsAnnounced
from auth_service.usecases.groups import note_permissions
from shared.handlers import Handlers
from shared.work import Work

handlers = Handlers()


@handlers.on(CatalogPermissionsAnnounced)
def note_permissions_of_catalog(work: Work, event: CatalogPermissionsAnnounced) -> None:
    """Offer them to whoever edits groups."""
    note_permissions(work, "catalog", event.permissions)


@handlers.on(ShopPermissionsAnnounced)
def note_permissions_of_shop(work: Work, event: ShopPermissionsAnnounced) -> None:
    """Offer them to whoever edits groups."""
    note_permissions(work, "shop", event.permissions)
