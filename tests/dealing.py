"""How tests are dealt out to the workers: file by file, but whole platforms are started only once."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

# A platform is four processes and their databases, once for each worker that needs it.
PLATFORMS = ("tests/system/", "tests/faults/")
# What waits for processes goes first: others can work meanwhile, and nobody waits for it at the end.
LONG = (*PLATFORMS, "tests/contracts/", "tests/deploy/", "tests/architecture/", "tests/gateway/")


class Dealing(LoadFileScheduling):
    """Gives a worker a file at a time, or all that shares a platform."""

    def _split_scope(self, nodeid: str) -> str:
        found = next((each for each in PLATFORMS if nodeid.startswith(each)), None)
        return found or super()._split_scope(nodeid)


def rank(nodeid: str) -> int:
    """When its turn comes."""
    return next((at for at, each in enumerate(LONG) if nodeid.startswith(each)), len(LONG))
