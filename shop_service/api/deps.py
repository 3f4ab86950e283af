"""What the shop's routes may ask for: the visit at hand, and the till."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Path, Request, Response

from shared.http.deps import Caller, service_of
from shared.identity import Principal
from shop_service.domain.cart import SKU_PATTERN
from shop_service.domain.cookies import cart_cookie, cart_cookie_name, count_cookie, token_from
from shop_service.domain.shoppers import Shopper
from shop_service.usecases.payments import Till


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody at our door, and how they hold on to their cart: cookie, header, or account."""

    caller: Principal
    token: str | None
    by_header: bool
    secure: bool

    @property
    def shopper(self) -> Shopper:
        """Whose cart and orders this is about."""
        return Shopper.of(self.caller.user_id, self.token)

    def shopper_unless_staff(self, permission: str) -> Shopper | None:
        """None for staff with this permission: they may see everybody's."""
        return None if self.caller.may(permission) else self.shopper

    def mark(self, response: Response, count: int, fresh_token: str | None = None) -> None:
        """Tell the caller how full the cart is, and hand over the token of a new one."""
        if fresh_token:
            response.headers["x-cart-token"] = fresh_token
            response.set_cookie(**cart_cookie(fresh_token, secure=self.secure))
        if not self.by_header:
            response.set_cookie(**count_cookie(count, secure=self.secure))


async def visit_of(
    request: Request,
    caller: Caller,
    x_cart_token: Annotated[
        str | None,
        Header(
            description="A guest's cart, for clients without cookies: the value of the header of "
            "the same name (or of `token`) in the answer to the first POST."
        ),
    ] = None,
) -> Visit:
    """Who this is and which cart they hold."""
    secure = service_of(request).settings.secure
    token = token_from(x_cart_token, request.cookies.get(cart_cookie_name(secure)))
    return Visit(caller, token, by_header=bool(x_cart_token), secure=secure)


async def till_of(request: Request) -> Till:
    """Where payments are made."""
    till: Till = request.app.state.till
    return till


VisitDep = Annotated[Visit, Depends(visit_of)]
TillDep = Annotated[Till, Depends(till_of)]
Sku = Annotated[str, Path(pattern=SKU_PATTERN)]
Number = Annotated[str, Path(max_length=20, description="An order's number, Q7F3-K2MD-9.")]
