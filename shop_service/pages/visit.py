"""Who looks at this page, and which cart is theirs."""

from __future__ import annotations

from typing import cast

from flask import Response, current_app, make_response, redirect, request

from shared.http.pages import current_service, visitor
from shop_service.domain.cookies import cart_cookie, cart_cookie_name, count_cookie, token_from
from shop_service.domain.shoppers import Shopper
from shop_service.usecases.payments import Till

TILL = "shop_till"


def cart_token() -> str | None:
    """The guest's token, if the browser holds one."""
    return token_from(request.cookies.get(cart_cookie_name(current_service().settings.secure)))


def current_shopper() -> Shopper:
    """Whose cart and orders this page may show."""
    return Shopper.of(visitor().user_id, cart_token())


def current_till() -> Till:
    """Where payments are made."""
    return cast("Till", current_app.extensions[TILL])


def with_count(page: str | Response, count: int, fresh_token: str | None = None) -> Response:
    """The page, telling the browser how full the cart is, and giving a new guest their token."""
    response = make_response(page)
    secure = current_service().settings.secure
    response.set_cookie(**count_cookie(count, secure=secure))
    if fresh_token:
        response.set_cookie(**cart_cookie(fresh_token, secure=secure))
    return response


def go_to(path: str) -> Response:
    """On to a page that is safe to reload."""
    return make_response(redirect(path, 303))
