"""The steps from a placed order to a settled one, and how long each may take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Step(StrEnum):
    """What the checkout of an order waits for."""

    AWAITING_STOCK = "awaiting_stock"  # for the catalog to set the goods aside
    PAYING = "paying"  # for the provider to promise the money; the shopper can still cancel
    CAPTURING = "capturing"  # the pivot: from here on only forward, asked without end
    UNDOING = "undoing"  # cancelled while the provider was asked: make sure nothing is taken
    REFUNDING = "refunding"  # for the provider to give the money back
    DONE = "done"


PIVOT = Step.CAPTURING  # reaching it, the money is promised: nothing before can be called off
OPEN = (Step.AWAITING_STOCK, Step.PAYING)  # an order may still be cancelled
ERRANDS = (Step.PAYING, Step.CAPTURING, Step.UNDOING, Step.REFUNDING)  # the provider is asked


class Code(StrEnum):
    """Why an order was cancelled, for programs."""

    OUT_OF_STOCK = "out-of-stock"
    STOCK_TIMEOUT = "stock-timeout"
    HOLD_EXPIRED = "hold-expired"
    STOCK_LAPSED = "stock-lapsed"
    PAYMENT_DECLINED = "payment-declined"
    INSUFFICIENT_FUNDS = "insufficient-funds"
    PAYMENT_TIMEOUT = "payment-timeout"
    BY_SHOPPER = "cancelled-by-shopper"
    BY_STAFF = "cancelled-by-staff"


REASONS = {
    Code.OUT_OF_STOCK: "Something you ordered was sold out. Nothing was charged.",
    Code.STOCK_TIMEOUT: "We could not set your goods aside in time. Nothing was charged.",
    Code.HOLD_EXPIRED: "The time for which your goods were set aside ran out. Nothing was charged.",
    Code.STOCK_LAPSED: "Your goods were gone when your payment arrived. You get your money back.",
    Code.PAYMENT_TIMEOUT: "Your bank did not answer in time. Nothing was charged.",
    Code.BY_SHOPPER: "You cancelled this order. Nothing was charged.",
    Code.BY_STAFF: "We cancelled this order. Nothing was charged.",
}


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the checkout waits for whom."""

    stock: timedelta = timedelta(minutes=15)
    payment: timedelta = timedelta(seconds=20)
    lease: timedelta = timedelta(seconds=5)  # one process has this long to ask the provider

    def pause(self, attempts: int) -> timedelta:
        """How long to wait before asking a provider again that did not answer."""
        return min(timedelta(seconds=0.5 * 2 ** min(attempts - 1, 8)), self.longest_pause)

    @property
    def longest_pause(self) -> timedelta:
        """No due time lies further ahead than this: one that does shows a clock set back."""
        return max(self.lease, timedelta(seconds=30))
