"""What the gateway hears, by broadcast: each event ends something that it keeps in memory."""

from __future__ import annotations

from typing import Literal

from shared.events import Event


class SessionRevoked(Event, type="auth.session.revoked.v1", key="session_id"):
    """A session has ended: forget its token."""

    session_id: str


class UserDisabled(Event, type="auth.user.disabled.v1", key="user_id"):
    """An account was closed: forget the tokens of all its sessions."""

    user_id: str


class UserErased(Event, type="auth.user.erased.v1", key="user_id"):
    """Somebody left for good: forget the tokens of all their sessions."""

    user_id: str


class KeysRotated(Event, type="auth.keys.rotated.v1", key="active_kid"):
    """Other keys sign and verify from now on: forget those that do not, and what they signed."""

    active_kid: str
    kids: list[str]


class ReplicaAnnounced(Event, key="service"):
    """A process of a service answers at `url`, will soon no longer, or is gone."""

    service: str
    replica: str
    url: str
    state: Literal["serving", "draining", "gone"]
    release: str
    count: int
    every: float
    prefixes: list[str]


class AnyReplicaAnnounced(ReplicaAnnounced, type="*.replica.announced.v1"):
    """The same, of whichever service: one that is new may join without being named here."""


class AuthReplicaAnnounced(ReplicaAnnounced, type="auth.replica.announced.v1"):
    """What we rely on in what auth says."""


class CatalogReplicaAnnounced(ReplicaAnnounced, type="catalog.replica.announced.v1"):
    """What we rely on in what the catalog says."""


class ShopReplicaAnnounced(ReplicaAnnounced, type="shop.replica.announced.v1"):
    """What we rely on in what the shop says."""


class ProductPublished(Event, type="catalog.product.published.v1", key="sku"):
    """A product can be bought: forget the lists that do not show it yet."""

    sku: str


class ProductChanged(Event, type="catalog.product.changed.v1", key="sku"):
    """A product looks different: forget the answers that show it."""

    sku: str


class ProductWithdrawn(Event, type="catalog.product.withdrawn.v1", key="sku"):
    """A product can no longer be bought: forget the answers that show it."""

    sku: str


class PriceChanged(Event, type="catalog.price.changed.v1", key="sku"):
    """A product costs something else: forget the answers that show it."""

    sku: str


class StockLevel(Event, type="catalog.stock.level.v1", key="sku"):
    """So many are left: forget the answers that say something else."""

    sku: str


# Those that are named; what is heard by a type that begins with `*` comes on top.
HEARD: tuple[type[Event], ...] = (
    SessionRevoked,
    UserDisabled,
    UserErased,
    KeysRotated,
    AuthReplicaAnnounced,
    CatalogReplicaAnnounced,
    ShopReplicaAnnounced,
    ProductPublished,
    ProductChanged,
    ProductWithdrawn,
    PriceChanged,
    StockLevel,
)
HEARD_OF_ANY: tuple[type[Event], ...] = (AnyReplicaAnnounced,)
