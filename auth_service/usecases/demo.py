"""Somebody to try the shop as."""

from __future__ import annotations

from auth_service.db.users import count_users
from auth_service.usecases.desk import Desk
from auth_service.usecases.users import examine, register

EMAIL, PASSWORD, NAME = "shopper@quintet.example", "quintet demo shopper", "Dana Demo"


def fill_with_demo(desk: Desk) -> None:
    """Make the demo shopper, unless somebody is here already."""
    with desk.transactions.read() as work:
        if count_users(work):
            return
    newcomer = examine(desk, email=EMAIL, name=NAME, password=PASSWORD)
    with desk.transactions.begin() as work:
        if not count_users(work):
            register(work, newcomer)
