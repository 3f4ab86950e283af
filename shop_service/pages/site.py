"""The shop's pages, put together."""

from __future__ import annotations

from flask import Flask

from shared.http.pages import create_pages
from shared.service import Service
from shop_service.pages.cart import cart
from shop_service.pages.checkout import checkout
from shop_service.pages.orders import orders
from shop_service.pages.visit import TILL
from shop_service.usecases.payments import Till


def create_site(service: Service, till: Till) -> Flask:
    """Cart, checkout and orders, in the shared look."""
    site = create_pages(service, "shop_service.pages", [cart, checkout, orders])
    site.extensions[TILL] = till
    return site
