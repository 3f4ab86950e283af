"""Hears on the bus that sessions have ended, and lets the gateway forget them at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from gateway.proxy.identity.tokens import SessionTokens
from shared.bus import connect
from shared.bus.protocol import Delivery, Subscription
from shared.events import BadEnvelope, Envelope
from shared.logging import get

# Type → the field that says about whom.
ENDS = {
    "auth.session.revoked.v1": "session_id",
    "auth.user.disabled.v1": "user_id",
    "auth.user.erased.v1": "user_id",
}
PATIENCE = 0.5

log = get("gateway.revocations")


class Revocations:
    """A thread that listens; what it hears is done on the event loop."""

    def __init__(self, bus_url: str, tokens: SessionTokens) -> None:
        self._bus_url = bus_url
        self._tokens = tokens
        self._stop = threading.Event()
        self._hearing = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to listen, for the running loop."""
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._run, args=(loop.call_soon_threadsafe,), name="gateway-bus", daemon=True
        )
        self._thread.start()

    async def stop(self) -> None:
        """Stop listening."""
        self._stop.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, PATIENCE * 6)

    def hears(self) -> bool:
        """Whether events reach us right now."""
        return self._hearing

    def _run(self, on_loop: Callable[..., object]) -> None:
        while not self._stop.is_set():
            try:
                self._listen(on_loop)
            except Exception as error:  # noqa: BLE001 - a bus in trouble must not end listening
                self._hearing = False
                log.warning("cannot listen to the bus", error=str(error))
                self._stop.wait(PATIENCE)

    def _listen(self, on_loop: Callable[..., object]) -> None:
        bus = connect(self._bus_url, client="gateway")
        subscription = bus.listen(list(ENDS), name="gateway")
        try:
            while not self._stop.is_set():
                deliveries = subscription.receive(PATIENCE)
                self._check_gap(subscription, on_loop)
                for delivery in deliveries:
                    self._hear(delivery, on_loop)
                    subscription.ack(delivery)
        finally:
            self._hearing = False
            subscription.close()
            bus.close()

    def _check_gap(self, subscription: Subscription, on_loop: Callable[..., object]) -> None:
        """After a time of deafness, forget everything: nothing is kept for absent listeners."""
        healthy = subscription.healthy()
        if healthy and not self._hearing:
            on_loop(self._tokens.evict_all)
        self._hearing = healthy

    def _hear(self, delivery: Delivery, on_loop: Callable[..., object]) -> None:
        try:
            envelope = Envelope.from_json(delivery.message.body)
            subject = str(envelope.data[ENDS[envelope.type]])
        except (BadEnvelope, KeyError) as error:
            log.warning("unreadable event", type=delivery.message.type, error=str(error))
            return
        on_loop(self._tokens.evict, subject)
