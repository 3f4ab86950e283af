"""What a service says and hears, in its admin: the same four screens for every service.

    create_admin(service, [*views, *bus_views(service)])

They need the permissions `<service>.view_bus` and `<service>.manage_bus`, which the service
announces among its own.
"""

from __future__ import annotations

from typing import Any

from shared.eventplane.permissions import VIEW
from shared.http.admin.bus.failed import DeadView, ParkedView
from shared.http.admin.bus.outgoing import OutboxView, SentView
from shared.http.admin.bus.screens import BusView
from shared.http.admin.views import AdminView
from shared.service import Service

__all__ = ["bus_views"]


def bus_views(service: Service) -> list[AdminView]:
    """The screens of one service's side of the bus, with that service's own permissions."""
    tables = service.tables
    of_service = {
        "view_permission": f"{service.name}.{VIEW}",
        "keep_days": service.settings.inbox_keep_days,
    }
    screens: list[tuple[type[BusView], Any]] = [
        (OutboxView, tables.outbox),
        (SentView, tables.outbox),
        (ParkedView, tables.parked),
        (DeadView, tables.parked),
    ]
    return [type(view.__name__, (view,), of_service)(model) for view, model in screens]
