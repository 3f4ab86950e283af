"""Who may look at a service's side of the bus, and who may act there."""

from __future__ import annotations

VIEW, MANAGE = "view_bus", "manage_bus"


def bus_permissions(service: str) -> dict[str, str]:
    """The two permissions, to be announced among the service's own."""
    return {
        f"{service}.{VIEW}": "See events that wait, were parked or given up, and their contents",
        f"{service}.{MANAGE}": "Try events again, redrive and drop dead letters",
    }
