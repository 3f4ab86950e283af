"""What the cache counts: for the metrics and for whoever looks at the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.proxy.caching.memory import Memory

Sample = tuple[str, str, str, dict[str, str], float]


@dataclass(slots=True)
class Counts:
    """Requests on cached routes, by how they were answered, since the process started."""

    hits: int = 0  # from memory, `stale` and `collapsed` ones among them
    stale: int = 0  # while a newer answer was being asked for
    collapsed: int = 0  # after waiting for the answer to another request
    asked: int = 0  # by asking the service for an answer to keep
    validated: int = 0  # of these: our copy was still good
    stood_in: int = 0  # of these: an old copy stood in for an answer that failed
    passed: int = 0  # straight from the service

    def samples(self, memory: Memory) -> Iterator[Sample]:
        """Name, kind, help, labels, value."""
        text = "Requests on cached routes."
        for result in ("hits", "asked", "passed"):
            value = float(getattr(self, result))
            yield "cache_requests_total", "counter", text, {"result": result}, value
        text = "Answers of the cache, by what they took."
        for how in ("stale", "collapsed", "validated", "stood_in"):
            value = float(getattr(self, how))
            yield "cache_answers_total", "counter", text, {"how": how}, value
        store = memory.store
        yield "cache_bytes", "gauge", "Bytes that stored answers take.", {}, float(store.used)
        limit = float(store.bounds.total)
        yield "cache_limit_bytes", "gauge", "Bytes that they may take.", {}, limit
        yield "cache_entries", "gauge", "Stored answers.", {}, float(len(store))
        text = "Answers forgotten for want of room."
        yield "cache_evicted_total", "counter", text, {}, float(store.evicted)
        text = "Answers forgotten because they had changed."
        yield "cache_purged_total", "counter", text, {}, float(memory.purged)
