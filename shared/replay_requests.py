"""What every service hears from every other: say again what you said, or what is."""

from __future__ import annotations

from shared.events import Event


class ReplayRequested(Event, type="quintet.replay.requested.v1", key="service"):
    """A service listens to these types for the first time: send what you kept of them.

    `part` and `after` tell where to go on.
    """

    service: str
    types: list[str]
    part: str = ""
    after: int = 0


class SnapshotRequested(Event, type="quintet.snapshot.requested.v1", key="service"):
    """A service lost its copy: say what is now. `part` and `after` tell where to go on."""

    service: str
    types: list[str]
    part: str = ""
    after: str = ""


TYPES = (ReplayRequested.TYPE, SnapshotRequested.TYPE)  # every service hears these
