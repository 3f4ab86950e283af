"""What the gateway hears on the bus: one listener for all of its rooms."""

from gateway.hearing.hearing import Hearing

__all__ = ["Hearing"]
