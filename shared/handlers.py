"""What a service does when it hears something: one function per event type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from shared.events import BadEnvelope, Envelope, Event, read_as
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
        """Hand the event to its function.

        Raises BadEnvelope if its data does not fit, or if it is a later version than we read.
        """
        if envelope.type not in self._by_type:
            raise BadEnvelope(f"We read no version of {envelope.type} that is as new.")
        reader, handler = self._by_type[envelope.type]
        handler(work, read_as(envelope, reader))

    def reads(self, type_: str) -> bool:
        """Whether there is a function for this very type."""
        return type_ in self._by_type

    def __contains__(self, type_: str) -> bool:
        """Whether the type concerns us: we handle it, or an earlier version of the same."""
        return type_ in self._by_type or self._is_newer(type_)

    def _is_newer(self, type_: str) -> bool:
        name, _, version = type_.rpartition(".v")
        known = [int(each[len(name) + 2 :]) for each in self._by_type if _same(each, name)]
        return bool(known) and version.isdecimal() and int(version) > max(known)


def _same(type_: str, name: str) -> bool:
    stem, _, version = type_.rpartition(".v")
    return stem == name and version.isdecimal()
