"""The world around the shop, for tests that wait for it."""

from __future__ import annotations

import threading

from sqlalchemy import select

from shared.service import Service
from shop_service.db.models import Order
from shop_service.usecases import payments
from tests.shop_service import builders as b


class CatalogAndWorker:
    """While this lasts, goods are always set aside at once, and payments are made."""

    def __init__(self, service: Service) -> None:
        self._service, self._stop = service, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        till, transactions = b.till_of(self._service), self._service.transactions
        while not self._stop.is_set():
            with transactions.read() as work:
                placed = work.session.scalars(
                    select(Order.id).where(Order.status == "placed", Order.version == 1)
                ).all()
            for order_id in placed:
                b.hold(self._service, order_id)
            payments.run_errands(transactions, till)
            self._stop.wait(0.02)
