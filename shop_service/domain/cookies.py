"""The two cookies of a cart, the same at every door."""

from __future__ import annotations

from typing import Literal, TypedDict

CART = "quintet_cart"
COUNT = "quintet_cart_count"
CART_DAYS = 30
DAY = 24 * 60 * 60
LONGEST_TOKEN = 100


class Cookie(TypedDict):
    """What `set_cookie` of FastAPI's and of Flask's responses takes."""

    key: str
    value: str
    max_age: int
    path: str
    secure: bool
    httponly: bool
    samesite: Literal["lax"]


def cart_cookie_name(secure: bool) -> str:
    """The cookie that holds a guest's token; bound to this very host on https."""
    return f"__Host-{CART}" if secure else CART


def token_from(*candidates: str | None) -> str | None:
    """The first that could be a cart token."""
    return next((each for each in candidates if each and len(each) <= LONGEST_TOKEN), None)


def cart_cookie(token: str, *, secure: bool) -> Cookie:
    """Gives a guest the key to their cart; no script can read it."""
    return _cookie(cart_cookie_name(secure), token, secure=secure, httponly=True)


def count_cookie(count: int, *, secure: bool) -> Cookie:
    """Tells the page's script the number to show on the cart; worth nothing to anybody else."""
    return _cookie(COUNT, str(min(count, 9999)), secure=secure, httponly=False)


def _cookie(name: str, value: str, *, secure: bool, httponly: bool) -> Cookie:
    return Cookie(
        key=name,
        value=value,
        max_age=CART_DAYS * DAY,
        path="/",
        secure=secure,
        httponly=httponly,
        samesite="lax",
    )
