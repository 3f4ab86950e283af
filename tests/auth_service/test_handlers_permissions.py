"""Permissions that services announce can be granted; nobody announces for others."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from auth_service.db.models import Permission
from auth_service.domain.permissions import OF_THE_GATEWAY, OURS
from auth_service.events.consumed import CatalogPermissionsAnnounced, ShopPermissionsAnnounced
from shared.service import Service
from shared.testing import tell


def test_what_a_service_announces_can_be_granted_from_then_on(service: Service) -> None:
    for text in ("See orders", "See all orders"):
        tell(
            service,
            ShopPermissionsAnnounced(
                service="shop", permissions={"shop.view_order": text}, version=1
            ),
            source="/shop",
        )

    assert _known(service) == {"shop.view_order": "See all orders"}


def test_a_service_cannot_announce_permissions_of_another(service: Service) -> None:
    tell(
        service,
        CatalogPermissionsAnnounced(
            service="auth",
            permissions={"auth.change_user": "Mine", "catalog.change_price": "Change prices"},
        ),
        source="/catalog",
    )

    assert _known(service) == {"catalog.change_price": "Change prices"}


@pytest.mark.parametrize("permissions", [{}, {"catalog.change_price": "x" * 5000}])
def test_odd_announcements_do_no_harm(service: Service, permissions: dict[str, str]) -> None:
    tell(service, CatalogPermissionsAnnounced(service="catalog", permissions=permissions))

    assert all(len(text) <= 200 for text in _known(service).values())


def test_its_own_permissions_and_the_gateways_are_known_when_the_worker_starts(
    service: Service,
) -> None:
    for _ in range(2):
        with service.transactions.begin() as work:
            for announce in service.on_start:
                announce(work)

    assert _known(service) == {**OURS, **OF_THE_GATEWAY}


def _known(service: Service) -> dict[str, str]:
    with service.transactions.read() as work:
        rows = work.session.execute(select(Permission.name, Permission.description)).all()
        return {row.name: row.description for row in rows}
