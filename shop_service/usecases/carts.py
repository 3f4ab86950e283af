"""Fill a cart, change it, and bring a guest's cart along when they sign in."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import bindparam, delete, insert, update

from shared import clock
from shared.database import insert_if_absent
from shared.ids import new_id, new_secret
from shared.money import Money
from shared.work import Transactions, Work
from shop_service.db.carts import (
    CARTS,
    ITEMS,
    cart_by_id,
    guest_exists,
    is_filled,
    open_cart_of,
)
from shop_service.db.known_products import offer_by_sku
from shop_service.db.models import Cart, CartItem
from shop_service.db.writing import changed
from shop_service.domain.cart import MOST_PER_LINE
from shop_service.domain.cart import Cart as CartView
from shop_service.domain.errors import CartChanged, LineNotFound, ProductUnknown
from shop_service.domain.shoppers import Shopper

SeenVersion = Callable[[int], None]  # refuses when the caller saw another version of the cart


RAISE = (
    update(CARTS)
    .where(CARTS.c.id == bindparam("of_cart"), CARTS.c.state == "open")
    .values(version=CARTS.c.version + 1)
    .returning(CARTS.c.version)
)
LINE = update(ITEMS).where(
    ITEMS.c.cart_id == bindparam("of_cart"), ITEMS.c.sku == bindparam("of_sku")
)
NEW_LINE = insert(ITEMS)


def shopper_for_writing(
    work: Work, user_id: UUID | None, token: str | None
) -> tuple[Shopper, str | None]:
    """Who this is, and the new token if they are a guest whom we have not met."""
    shopper = Shopper.of(user_id, token)
    if user_id is not None:
        return shopper, None
    if shopper.guest and guest_exists(work, shopper.guest):
        return shopper, None
    fresh = new_secret()  # tokens are made by us only: one made up by a caller may be guessed
    return Shopper.of(None, fresh), fresh


def look_into_cart(transactions: Transactions, shopper: Shopper) -> CartView:
    """The shopper's cart now; a guest's cart is brought along first when they have signed in."""
    with transactions.read() as work:
        if not _guest_cart_waits(work, shopper):
            return cart_of(work, shopper)
    with transactions.begin() as work:
        bring_guest_cart(work, shopper)
        return cart_of(work, shopper)


def cart_of(work: Work, shopper: Shopper) -> CartView:
    """The shopper's cart at the prices of this moment; an empty one if there is none."""
    found = open_cart_of(work, shopper)
    return cart_by_id(work, *found) if found else CartView()


def add_to_cart(
    work: Work, shopper: Shopper, sku: str, quantity: int, *, seen: SeenVersion | None = None
) -> CartView:
    """Put so many more of a product into the cart."""
    bring_guest_cart(work, shopper)
    offer = offer_by_sku(work, sku)
    if offer is None:
        raise ProductUnknown(sku)
    offer.must_be_sold()
    cart_id, version = _take_cart(work, shopper)
    cart = cart_by_id(work, cart_id, version)
    if seen:
        seen(version - 1)
    have = cart.quantity_of(sku)
    offer.must_have(have + quantity)
    if not have:
        cart.must_take(offer)
    _write_line(work, cart_id, sku, have + quantity, offer.price)
    return cart_by_id(work, cart_id, version)


def change_quantity(
    work: Work, shopper: Shopper, sku: str, quantity: int, *, seen: SeenVersion | None = None
) -> CartView:
    """Have exactly so many of a product that is in the cart."""
    bring_guest_cart(work, shopper)
    cart_id, version = _take_line(work, shopper, sku, seen)
    offer = offer_by_sku(work, sku)
    if offer is None:
        raise ProductUnknown(sku)
    offer.must_be_sold()
    offer.must_have(quantity)
    _write_line(work, cart_id, sku, quantity, offer.price)
    return cart_by_id(work, cart_id, version)


def remove_from_cart(
    work: Work, shopper: Shopper, sku: str, *, seen: SeenVersion | None = None
) -> CartView:
    """Take a product out of the cart."""
    bring_guest_cart(work, shopper)
    cart_id, version = _take_line(work, shopper, sku, seen)
    changed(work, delete(CartItem).where(CartItem.cart_id == cart_id, CartItem.sku == sku))
    return cart_by_id(work, cart_id, version)


def bring_guest_cart(work: Work, shopper: Shopper) -> None:
    """Move what a guest chose into the cart of the user that they turned out to be.

    Quantities add up to at most 99 a line. No line is dropped, even above the limit of lines.
    Of two that try at once, the one that marks the guest's cart as merged moves the lines.
    """
    if not _guest_cart_waits(work, shopper):
        return
    guest_cart = open_cart_of(work, Shopper(None, shopper.guest))
    if guest_cart is None or not changed(
        work,
        update(Cart)
        .where(Cart.id == guest_cart[0], Cart.state == "open")
        .values(state="merged", version=Cart.version + 1, updated_at=clock.now()),
    ):
        return
    target, version = _take_cart(work, Shopper(shopper.user_id))
    present = cart_by_id(work, target, version)
    for line in cart_by_id(work, *guest_cart).lines:
        together = line.quantity + present.quantity_of(line.offer.sku)
        _write_line(work, target, line.offer.sku, min(together, MOST_PER_LINE), line.seen)


def _guest_cart_waits(work: Work, shopper: Shopper) -> bool:
    if shopper.user_id is None or shopper.guest is None:
        return False
    guest_cart = open_cart_of(work, Shopper(None, shopper.guest))
    return guest_cart is not None and is_filled(work, guest_cart[0])


def _take_cart(work: Work, shopper: Shopper) -> tuple[UUID, int]:
    """The open cart, made if needed, with its version raised: until we commit it is ours."""
    for _ in range(3):
        found = open_cart_of(work, shopper)
        if found is None:
            now = clock.now()
            insert_if_absent(
                work.session,
                Cart.__table__,
                {
                    "id": new_id(),
                    "user_id": shopper.user_id,
                    "token_hash": None if shopper.user_id else shopper.guest,
                    "state": "open",
                    "version": 0,
                    "created_at": now,
                    "updated_at": now,
                },
            )
            continue
        version = _raise_version(work, found[0])
        if version:
            return found[0], version
    raise CartChanged


def _take_line(
    work: Work, shopper: Shopper, sku: str, seen: SeenVersion | None
) -> tuple[UUID, int]:
    found = open_cart_of(work, shopper)
    version = _raise_version(work, found[0]) if found else None
    if found is None or version is None:
        raise LineNotFound
    if seen:
        seen(version - 1)
    if not cart_by_id(work, found[0], version).quantity_of(sku):
        raise LineNotFound
    return found[0], version


def _raise_version(work: Work, cart_id: UUID) -> int | None:
    """The new version of an open cart, which is ours until we commit; None if it is closed."""
    raised = work.session.execute(RAISE, {"of_cart": cart_id, "updated_at": clock.now()})
    return raised.scalar_one_or_none()


def _write_line(work: Work, cart_id: UUID, sku: str, quantity: int, seen: Money) -> None:
    values = {
        "quantity": quantity,
        "seen_amount": seen.amount,
        "seen_currency": seen.currency,
    }
    if not changed(work, LINE, of_cart=cart_id, of_sku=sku, **values):
        row = {"cart_id": cart_id, "sku": sku, "added_at": clock.now(), **values}
        work.session.execute(NEW_LINE, row)
