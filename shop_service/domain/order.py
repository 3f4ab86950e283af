"""The life of an order: three axes, and the only moves that they know.

status      placed → confirmed, or cancelled
payment     pending → authorised → captured → refunded; or declined; or voided (nothing taken)
fulfilment  unfulfilled → shipped; or cancelled (nothing will be sent)
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from shop_service.domain.errors import MoveNotPossible


class Status(StrEnum):
    """How the order as a whole stands."""

    PLACED = "placed"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


class Payment(StrEnum):
    """Where the money is."""

    PENDING = "pending"
    AUTHORISED = "authorised"
    CAPTURED = "captured"
    DECLINED = "declined"
    VOIDED = "voided"
    REFUNDED = "refunded"


class Fulfilment(StrEnum):
    """Where the goods are."""

    UNFULFILLED = "unfulfilled"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


class State(NamedTuple):
    """One point on all three axes."""

    status: Status
    payment: Payment
    fulfilment: Fulfilment


class Move(StrEnum):
    """What can happen to an order."""

    SET_ASIDE = "set-aside"  # the catalog holds the goods
    AUTHORISE = "authorise"  # the money is promised: from here on, only forward
    CAPTURE = "capture"  # the money is ours
    CONFIRM = "confirm"
    DECLINE = "decline"  # the provider says no
    CANCEL = "cancel"  # before the provider was ever asked
    WITHDRAW = "withdraw"  # cancelled while the provider's answer is open
    VOID = "void"  # the open answer is settled: nothing was taken
    GIVE_BACK = "give-back"  # the open answer is settled: it had been taken, and is returned
    TAKE_OFF_SHELF = "take-off-shelf"  # the catalog has sold the goods
    SHIP = "ship"
    ASK_REFUND = "ask-refund"  # staff want the money to go back
    REFUND = "refund"
    LAPSE = "lapse"  # the goods were gone when the money came: after it went back, all is off


PLACED = State(Status.PLACED, Payment.PENDING, Fulfilment.UNFULFILLED)
PROMISED = State(Status.PLACED, Payment.AUTHORISED, Fulfilment.UNFULFILLED)
PAID = State(Status.PLACED, Payment.CAPTURED, Fulfilment.UNFULFILLED)
CONFIRMED = State(Status.CONFIRMED, Payment.CAPTURED, Fulfilment.UNFULFILLED)
SHIPPED = State(Status.CONFIRMED, Payment.CAPTURED, Fulfilment.SHIPPED)
REFUNDED = State(Status.CONFIRMED, Payment.REFUNDED, Fulfilment.CANCELLED)
RETURNED = State(Status.CONFIRMED, Payment.REFUNDED, Fulfilment.SHIPPED)
UNSETTLED = State(Status.CANCELLED, Payment.PENDING, Fulfilment.CANCELLED)
CANCELLED = State(Status.CANCELLED, Payment.VOIDED, Fulfilment.CANCELLED)
DECLINED = State(Status.CANCELLED, Payment.DECLINED, Fulfilment.CANCELLED)
GIVEN_BACK = State(Status.CANCELLED, Payment.REFUNDED, Fulfilment.CANCELLED)

STATES = (
    PLACED, PROMISED, PAID, CONFIRMED, SHIPPED, REFUNDED, RETURNED,
    UNSETTLED, CANCELLED, DECLINED, GIVEN_BACK,
)  # fmt: skip

MOVES: Mapping[Move, Mapping[State, State]] = {
    Move.SET_ASIDE: {PLACED: PLACED},
    Move.AUTHORISE: {PLACED: PROMISED},
    Move.CAPTURE: {PROMISED: PAID},
    Move.CONFIRM: {PAID: CONFIRMED},
    Move.DECLINE: {PLACED: DECLINED, PROMISED: DECLINED},
    Move.CANCEL: {PLACED: CANCELLED},
    Move.WITHDRAW: {PLACED: UNSETTLED},
    Move.VOID: {UNSETTLED: CANCELLED},
    Move.GIVE_BACK: {UNSETTLED: GIVEN_BACK},
    Move.TAKE_OFF_SHELF: {CONFIRMED: CONFIRMED, SHIPPED: SHIPPED},
    Move.SHIP: {CONFIRMED: SHIPPED},
    Move.ASK_REFUND: {CONFIRMED: CONFIRMED, SHIPPED: SHIPPED},
    Move.REFUND: {CONFIRMED: REFUNDED, SHIPPED: RETURNED},
    Move.LAPSE: {REFUNDED: GIVEN_BACK},
}

WHY_NOT: Mapping[Move, str] = {
    Move.CANCEL: "This order can no longer be cancelled.",
    Move.SHIP: "Only a confirmed and paid order that was not sent yet can be shipped.",
    Move.REFUND: "Only an order whose payment we have taken can be refunded.",
}


def after(state: State, move: Move) -> State:
    """Where `move` leads from `state`; raises MoveNotPossible if it does not exist there."""
    try:
        return MOVES[move][state]
    except KeyError:
        now = f"It is {state.status}, its payment {state.payment}, and {state.fulfilment}."
        why = WHY_NOT.get(move, f"An order cannot {move.replace('-', ' ')} now.")
        raise MoveNotPossible(f"{why} {now}") from None


def is_final(status: str) -> bool:
    """Whether the shopper knows how it ended."""
    return status != Status.PLACED
