"""Bodies of the shop's JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from shared.http.schemas import In, Out
from shared.money import Money
from shop_service.db.models import Order
from shop_service.domain.addresses import LONGEST_EMAIL, is_country, is_email, is_plain_text
from shop_service.domain.cart import MOST_PER_LINE, SKU_PATTERN, Cart, CartLine
from shop_service.domain.order import Status


def _plain(text: str) -> str:
    if not is_plain_text(text):
        raise ValueError("holds characters that cannot be printed")
    return text


def _email(text: str) -> str:
    if not is_email(text):
        raise ValueError("is not an e-mail address")
    return text


def _country(code: str) -> str:
    if not is_country(code):
        raise ValueError("is not a country of ISO 3166-1 (two letters, such as DE)")
    return code


Line = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_plain)]
Short = Annotated[str, StringConstraints(min_length=1, max_length=40), AfterValidator(_plain)]
Email = Annotated[str, StringConstraints(max_length=LONGEST_EMAIL), AfterValidator(_email)]
Quantity = Annotated[int, Field(ge=1, le=MOST_PER_LINE, strict=True)]


class ItemIn(In):
    """So many more of one product."""

    sku: Annotated[str, StringConstraints(pattern=SKU_PATTERN)]
    quantity: Quantity = 1


class QuantityIn(In):
    """Exactly so many."""

    quantity: Quantity


class CartLineOut(Out):
    """One product in the cart, at the price of this moment."""

    sku: str
    slug: str
    name: str
    image_url: str
    quantity: int
    unit_price: Money
    total: Money
    available: int
    previous_price: Money | None = Field(description="What it cost when it was put in, if else.")
    trouble: Literal["", "gone", "not-enough", "other-currency"]
    note: str

    @classmethod
    def of(cls, line: CartLine) -> CartLineOut:
        """The line as JSON."""
        offer = line.offer
        return cls(
            sku=offer.sku,
            slug=offer.slug,
            name=offer.name,
            image_url=offer.image_url,
            quantity=line.quantity,
            unit_price=offer.price,
            total=line.total,
            available=offer.available,
            previous_price=line.seen if line.price_changed else None,
            trouble=line.trouble.value,
            note=line.note,
        )


class CartOut(Out):
    """A cart. `token` is only there when it was made by this very request, for a guest."""

    lines: list[CartLineOut]
    count: int
    total: Money
    ready: bool = Field(description="Whether it can be ordered as it stands.")
    version: int
    token: str | None = None

    @classmethod
    def of(cls, cart: Cart, token: str | None = None) -> CartOut:
        """The cart as JSON."""
        return cls(
            lines=[CartLineOut.of(line) for line in cart.lines],
            count=cart.count,
            total=cart.total,
            ready=cart.ready,
            version=cart.version,
            token=token,
        )


class AddressIn(In):
    """Where to send it."""

    name: Line
    line1: Line
    line2: Line | None = None
    city: Line
    postal_code: Short
    region: Line | None = None
    country: Annotated[str, AfterValidator(_country)] = Field(
        description="ISO 3166-1, two letters.", examples=["DE"]
    )
    phone: Short | None = None


class PaymentIn(In):
    """How to pay. Only the test provider is installed; its cards are in the description."""

    method: Literal["test"]
    card: SecretStr = Field(max_length=40, examples=["4242 4242 4242 4242"])


class MoneyIn(In):
    """An amount in whole minor units."""

    amount: Annotated[int, Field(ge=0, lt=2**53, strict=True)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class OrderIn(In):
    """An order for what is in the cart. Prices are ours: a body that names any is refused."""

    email: Email | None = Field(None, description="Needed from guests.")
    name: Line | None = None
    shipping_address: AddressIn
    payment: PaymentIn
    expected_total: MoneyIn | None = Field(
        None, description="The total that the shopper saw; another one is refused with 409."
    )


class OrderLineOut(Out):
    """What was ordered, as it was called and priced then."""

    sku: str
    slug: str
    name: str
    image_url: str
    quantity: int
    unit_price: Money
    total: Money


class TimelineOut(Out):
    """Something that happened to the order."""

    seq: int
    at: datetime
    what: str
    text: str


class CardOut(Out):
    """What we know of the card."""

    method: str
    brand: str
    last4: str


class OrderSummaryOut(Out):
    """An order in a list."""

    number: str
    status: str
    payment_status: str
    fulfilment_status: str
    code: str
    reason: str
    total: Money
    placed_at: datetime
    lines: list[OrderLineOut]


class OrderOut(OrderSummaryOut):
    """An order with all that belongs to it."""

    email: str
    name: str
    shipping_address: dict[str, Any]
    payment: CardOut
    timeline: list[TimelineOut]
    version: int

    @classmethod
    def of(cls, order: Order) -> OrderOut:
        """The order as JSON."""
        payment = order.payment
        card = CardOut(method=payment.provider, brand=payment.brand, last4=payment.last4)
        return cls(
            **OrderSummaryOut.model_validate(order).model_dump(),
            email=order.email,
            name=order.name,
            shipping_address=order.shipping_address,
            payment=card,
            timeline=[TimelineOut.model_validate(entry) for entry in order.timeline],
            version=order.version,
        )

    @property
    def final(self) -> bool:
        """Whether it is known how it ended."""
        return self.status != Status.PLACED
