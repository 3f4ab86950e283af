"""Somebody who uses the shop's public API, and nothing else."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

GOOD_CARD = "4242 4242 4242 4242"
DECLINED_CARD = "4000 0000 0000 0002"
POOR_CARD = "4000 0000 0000 9995"
ADDRESS = {
    "name": "Robin Reader",
    "line1": "3 Lantern Lane",
    "city": "Utrecht",
    "postal_code": "3511 AB",
    "country": "NL",
}
PASSWORD = "seven quiet otters"

Json = dict[str, Any]


class Shopper:
    """A client with an address, a cart and perhaps an account."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30)
        self.headers: dict[str, str] = {}

    def close(self) -> None:
        """Hang up."""
        self.http.close()

    def register(self) -> Shopper:
        """Make an account and sign in with it."""
        email = f"{uuid4().hex[:12]}@shoppers.example"
        body = {"email": email, "password": PASSWORD, "name": "Robin Reader"}
        ok(self.http.post("/api/auth/v1/users", json=body), 201)
        return self.sign_in(email, PASSWORD)

    def sign_in(self, email: str, password: str) -> Shopper:
        """Get a token, and use it from now on."""
        body = {"email": email, "password": password}
        tokens = ok(self.http.post("/api/auth/v1/tokens", json=body), 200)
        self.headers = {"authorization": f"Bearer {tokens['access_token']}"}
        return self

    def get(self, path: str, **options: Any) -> httpx.Response:
        """GET as this shopper."""
        return self.http.get(path, headers=self.headers, **options)

    def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """POST JSON as this shopper."""
        return self.http.post(path, json=body, headers=self.headers | headers)

    def put_in_cart(self, sku: str, quantity: int = 1) -> Json:
        """Add to the cart; a guest keeps the cart's token."""
        answer = self.post("/api/shop/v1/cart/items", {"sku": sku, "quantity": quantity})
        token = answer.headers.get("x-cart-token")
        if token and "authorization" not in self.headers:
            self.headers["x-cart-token"] = token
        return ok(answer, 200, 201)

    def check_out(
        self, *, card: str = GOOD_CARD, wait: int = 10, key: str | None = None, **more: Any
    ) -> httpx.Response:
        """Order what is in the cart."""
        body = {
            "shipping_address": ADDRESS,
            "payment": {"method": "test", "card": card},
            "email": "robin@shoppers.example",
            "name": "Robin Reader",
            **more,
        }
        headers = {"idempotency-key": key or uuid4().hex}
        if wait:
            headers["prefer"] = f"wait={wait}"
        return self.http.post("/api/shop/v1/orders", json=body, headers=self.headers | headers)

    def order(self, number: str) -> Json:
        """Look at an order."""
        return ok(self.get(f"/api/shop/v1/orders/{number}"), 200)

    def available(self, slug: str) -> int:
        """How many of a product the catalog says can still be bought."""
        return int(ok(self.get(f"/api/catalog/v1/products/{slug}"), 200)["available"])


def ok(answer: httpx.Response, *statuses: int) -> Json:
    """The JSON of an answer that must have one of these statuses."""
    assert answer.status_code in statuses, f"{answer.status_code}: {answer.text}"
    body: Json = answer.json()
    return body
