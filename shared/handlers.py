"""What a service does when it hears something: one function per event type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from shared.events import Envelope, Event, read_as
from shared.work import Work

E = TypeVar("E", bound=Event)
Handler = Callable[[Work, E], None]


class Handlers:
    """The ears of a service: `@handlers.on(OrderPlaced)` above `def f(work, event)`."""

    def __init__(self) -> None:
        self._by_type: dict[str, tuple[type[Event], Callable[[Work, Any], None]]] = {}

    def on(self, event: type[E]) -> Callable[[Handler[E]], Handler[E]]:
        """Call the decorated function for every event of this type, in its own transaction."""

        def register(handler: Handler[E]) -> Handler[E]:
            if event.TYPE in self._by_type:
                raise ValueError(f"{event.TYPE} is handled twice.")
            self._by_type[event.TYPE] = (event, handler)
            return handler

        return register

    def include(self, others: Handlers) -> None:
        """Add the handlers of another file."""
        for type_, pair in others._by_type.items():
            if type_ in self._by_type:
                raise ValueError(f"{type_} is handled twice.")
            self._by_type[type_] = pair

    @property
    def types(self) -> list[str]:
        """The event types we listen to."""
        return sorted(self._by_type)

    def readers(self) -> Iterator[type[Event]]:
        """The classes by which we read them."""
        return (reader for reader, _ in self._by_type.values())

    def call(self, work: Work, envelope: Envelope) -> None:
        """Hand the event to its function. Raises BadEnvelope if its data does not fit."""
        reader, handler = self._by_type[envelope.type]
        handler(work, read_as(envelope, reader))

    def __contains__(self, type_: str) -> bool:
        return type_ in self._by_type
