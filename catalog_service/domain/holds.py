"""What becomes of goods that are held for an order: the moves a hold may make."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class HoldState(StrEnum):
    """Where a hold stands. `refused` and `released` hold nothing; `tombstone` never will."""

    HELD = "held"
    COMMITTED = "committed"
    RELEASED = "released"
    REFUSED = "refused"
    TOMBSTONE = "tombstone"
    """The order was cancelled before we saw it placed."""
    AWAITED = "awaited"
    """The order was paid before we saw it placed: its goods are sold as soon as we know them."""


class Reason(StrEnum):
    """Why goods were released."""

    CANCELLED = "cancelled"
    EXPIRED = "expired"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Promise:
    """A hold as it was found: whose it is, where it stands, and since which version."""

    order_id: UUID
    state: HoldState
    reason: str = ""
    version: int = 1


class OnPaid(StrEnum):
    """What payment asks of a hold."""

    COMMIT = "commit"
    TAKE_AGAIN = "take again"
    LAPSE = "lapse"
    NOTHING = "nothing"


def on_paid(promise: Promise) -> OnPaid:
    """What to do when the order of this hold has been paid."""
    if promise.state is HoldState.HELD:
        return OnPaid.COMMIT
    if promise.state is HoldState.RELEASED and promise.reason == Reason.EXPIRED:
        return OnPaid.TAKE_AGAIN
    # Never sell what we refused: the shop has told its shopper already.
    return OnPaid.LAPSE if promise.state is HoldState.REFUSED else OnPaid.NOTHING


def on_cancelled(promise: Promise) -> HoldState | None:
    """Where a hold goes when its order is cancelled; None when that changes nothing.

    An expired hold is marked too: a payment that comes later must not take the goods again.
    """
    if promise.state is HoldState.AWAITED:
        return HoldState.TOMBSTONE
    if promise.state in (HoldState.HELD, HoldState.COMMITTED):
        return HoldState.RELEASED
    late = promise.state is HoldState.RELEASED and promise.reason == Reason.EXPIRED
    return HoldState.RELEASED if late else None
