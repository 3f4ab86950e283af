"""auth's pages, put together."""

from __future__ import annotations

from flask import Flask

from auth_service.pages.account import account
from auth_service.pages.current import EXTENSION
from auth_service.pages.entrance import entrance
from auth_service.pages.staff import staff
from auth_service.usecases.desk import Desk
from shared.http.pages import create_pages
from shared.service import Service


def create_site(service: Service, desk: Desk) -> Flask:
    """The pages under /account, and the landing page of /admin."""
    site = create_pages(service, "auth_service.pages", [entrance, account, staff])
    site.extensions[EXTENSION] = desk
    return site
