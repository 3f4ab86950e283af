"""From what is heard on the bus to the groups of answers that it makes untrue.

The names of the groups are those by which the services' answers go (`Cache-Groups`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.events.consumed import (
    KeysRotated,
    PriceChanged,
    ProductChanged,
    ProductPublished,
    ProductWithdrawn,
    StockLevel,
)
from gateway.hearing import Hearing
from gateway.proxy.caching.memory import Memory

LISTS = b"catalog-lists"
LEVELS = b"catalog-levels"
KEYS = b"auth-keys"

OFFERS = (ProductPublished, ProductChanged, ProductWithdrawn, PriceChanged)
TYPES = frozenset(event.TYPE for event in (*OFFERS, StockLevel, KeysRotated))


def purge_by_events(hearing: Hearing, memory: Memory) -> None:
    """Forget what an event makes untrue, and everything when events may have passed us by."""
    for event in OFFERS:
        hearing.on(event, _forgets(memory, LISTS))
    hearing.on(StockLevel, _forgets(memory, LEVELS))
    hearing.on(KeysRotated, lambda _: memory.forget_groups((KEYS,)))
    hearing.on_gap(lambda types: _after_gap(memory, types))


def _forgets(memory: Memory, group: bytes) -> Callable[[Any], object]:
    return lambda event: memory.forget_groups((b"product-" + event.sku.encode(), group))


def _after_gap(memory: Memory, types: frozenset[str]) -> None:
    if not types or types & TYPES:
        memory.forget_where(lambda stored: bool(stored.groups) or stored.policy.by_bus)
