"""The clock that every deadline hangs on."""

from __future__ import annotations

import asyncio

from gateway.proxy.clock import Clock, Work


class Late(Work):
    """Work that is over its time."""

    stopped = False
    due = 0.0

    def stop(self) -> None:
        self.stopped = True


def test_a_part_that_fails_on_a_tick_stops_neither_the_others_nor_the_deadlines() -> None:
    ticks: list[int] = []

    def broken() -> None:
        raise RuntimeError("bug")

    async def run() -> Late:
        clock = Clock(tick=0.01)
        clock.on_tick += [broken, lambda: ticks.append(1)]
        clock.start()
        while len(ticks) < 3:
            await asyncio.sleep(0.01)
        late = Late()
        clock.in_flight.add(late)
        while not late.stopped:
            await asyncio.sleep(0.01)
        await clock.stop()
        return late

    assert asyncio.run(asyncio.wait_for(run(), 30)).late
