"""What staff do with orders, as JSON."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response

from shared.http.deps import KeyedDep, WorkDep, needs
from shared.identity import Principal
from shop_service.api.deps import Number
from shop_service.api.schemas import OrderOut
from shop_service.db.orders import order_id_by_number
from shop_service.usecases import orders

router = APIRouter(prefix="/v1/orders", tags=["staff"])


@router.post("/{number}/ship", response_model=OrderOut)
def ship_order(
    number: Number,
    work: WorkDep,
    keyed: KeyedDep,
    caller: Annotated[Principal, needs("shop.ship_order")],
) -> Response:
    """Note that the goods were sent. Needs `shop.ship_order`."""
    order_id = order_id_by_number(work, number, None)
    return keyed.once(
        work,
        f"user:{caller.id}",
        lambda: OrderOut.of(orders.ship_order(work, order_id, caller)),
        status=200,
    )


@router.post("/{number}/refund", status_code=202, response_model=OrderOut)
def refund_order(
    number: Number,
    work: WorkDep,
    keyed: KeyedDep,
    caller: Annotated[Principal, needs("shop.refund_order")],
) -> Response:
    """Have the whole amount sent back; the provider is asked at once. Needs `shop.refund_order`."""
    order_id = order_id_by_number(work, number, None)
    return keyed.once(
        work,
        f"user:{caller.id}",
        lambda: OrderOut.of(orders.refund_order(work, order_id, caller)),
        status=202,
    )
