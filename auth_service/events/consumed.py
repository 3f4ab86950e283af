"""What auth hears, with only the fields it reads."""

from __future__ import annotations

from shared.events import Event


class CatalogPermissionsAnnounced(Event, type="catalog.permissions.announced.v1", key="service"):
    """The catalogue says what one may be allowed to do there."""

    service: str
    permissions: dict[str, str]


class ShopPermissionsAnnounced(Event, type="shop.permissions.announced.v1", key="service"):
    """The shop says what one may be allowed to do there."""

    service: str
    permissions: dict[str, str]
