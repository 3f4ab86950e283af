"""The shop window as one Flask application."""

from __future__ import annotations

from flask import Flask

from catalog_service.domain.pictures import picture_path
from catalog_service.pages import sharing
from catalog_service.pages.feeds import feeds
from catalog_service.pages.storefront import storefront
from shared.http.pages import create_pages
from shared.service import Service


def create_storefront(service: Service, *, gateway_seconds: int = 60) -> Flask:
    """The pages that shoppers and search engines see."""
    app = create_pages(service, "catalog_service.pages", [storefront, feeds])
    sharing.install(app, seconds=gateway_seconds)
    app.jinja_env.filters["picture_path"] = picture_path
    return app
