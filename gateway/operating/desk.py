"""What the operators' buttons reach: replicas that are taken out or let in, answers forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.operating.parts import Refusing
from gateway.proxy.caching.cache import SharedCache
from gateway.proxy.upstream.cluster import Cluster
from gateway.proxy.upstream.replica import Replica


class Desk:
    """Steers this gateway; others are not touched. What is set here is forgotten with the process.

    `cache` is None where there is none.
    """

    def __init__(
        self,
        clusters: Mapping[str, Cluster],
        cache: SharedCache | None,
        now: Callable[[], float],
    ) -> None:
        self._clusters = clusters
        self._cache = cache
        self._now = now

    def drain(self, replica: str) -> None:
        """Send a replica no more requests. Raises Refusing for the last one that takes any."""
        cluster, found = self._find(replica)
        if found.steered:
            return
        if is_last(cluster, found):
            raise Refusing(f"{replica} is the last replica of {cluster.service} that is fit.")
        found.steered = True
        cluster.sort_out()

    def enable(self, replica: str) -> None:
        """Send a replica requests again, a few at first. Raises Refusing if there is no such."""
        cluster, found = self._find(replica)
        if not found.steered:
            raise Refusing(f"{replica} was not drained here; it is {found.state}.")
        found.steered = False
        found.warm_up(self._now())
        cluster.sort_out()

    def purge(self, group: str | None) -> int:
        """Forget cached answers, of one group or all; says how many."""
        if self._cache is None:
            raise Refusing("there is no cache.")
        if group is None:
            return self._cache.purge(everything=True)
        return self._cache.purge(groups=[group.encode("latin-1", "replace")])

    def _find(self, name: str) -> tuple[Cluster, Replica]:
        for cluster in self._clusters.values():
            for replica in cluster.replicas:
                if name in (replica.name, replica.address.url):
                    return cluster, replica
        raise Refusing(f"there is no replica {name}.")


def is_last(cluster: Cluster, replica: Replica) -> bool:
    """Whether no other replica is fit to take over its requests."""
    return not any(each.fit for each in cluster.replicas if each is not replica)
