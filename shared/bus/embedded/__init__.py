"""A durable bus in one SQLite file, shared by the processes of one machine."""

from shared.bus.embedded.bus import EmbeddedBus

__all__ = ["EmbeddedBus"]
