"""The cache put together."""

from __future__ import annotations

from gateway.hearing import Hearing
from gateway.proxy.caching.asking import Asking, Forwards
from gateway.proxy.caching.cache import SharedCache
from gateway.proxy.caching.fetching import Fetching
from gateway.proxy.caching.memory import Memory
from gateway.proxy.caching.purging import purge_by_events
from gateway.proxy.caching.store import Bounds
from gateway.proxy.clock import Clock
from gateway.settings import GatewaySettings


def create_cache(
    settings: GatewaySettings, hearing: Hearing, forwarder: Forwards, clock: Clock
) -> SharedCache | None:
    """The shared cache, told of what the bus says; None if it may keep nothing."""
    if not settings.cache_bytes:
        return None
    bounds = Bounds(settings.cache_bytes, settings.cache_entry_bytes, settings.cache_variants)
    memory = Memory(bounds, hearing.hears)
    purge_by_events(hearing, memory)
    clock.on_tick.append(memory.listen)
    fetching = Fetching(forwarder, memory, clock, seconds=settings.cache_collapse_seconds)
    return SharedCache(memory, Asking(fetching, forwarder, clock))
