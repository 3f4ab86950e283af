"""Asking somebody else who counts for several gateways."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

Sample = tuple[str, str, str, dict[str, str], float]


@dataclass(frozen=True, slots=True)
class Demand:
    """One policy of one request. Times in microseconds; `debt` is what we know to be owed."""

    name: bytes
    limit: int
    step: int
    debt: int


@dataclass(frozen=True, slots=True)
class Said:
    """What was decided, and what was owed of each policy before, in microseconds."""

    passed: bool
    debts: list[int]


class Store(Protocol):
    """Whoever counts for all."""

    usable: bool  # whether it is worth while to ask at this moment

    async def start(self) -> None:
        """Begin to use it."""

    async def stop(self) -> None:
        """Let go of it."""

    def ask(self, demands: Sequence[Demand]) -> asyncio.Future[Said | None]:
        """Whether this may pass: counted if so. None when it does not say."""

    def samples(self) -> Iterator[Sample]:
        """Figures: name, kind, help, labels, value."""
