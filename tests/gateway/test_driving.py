"""A drive is a task to the code it runs: waits, time-outs, cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from gateway.proxy.drive import Bell, Drive


def run(
    work: Callable[[], Coroutine[Any, Any, None]], also: Callable[[Drive], object] | None = None
) -> Drive:
    """Drive `work` to its end on a loop of its own; `also` is called once it waits."""

    async def main() -> Drive:
        loop = asyncio.get_running_loop()
        over = asyncio.Event()
        drive = Drive(loop, over.set)
        loop.call_soon(lambda: drive.start(work()))
        if also is not None:
            loop.call_soon(also, drive)
        async with asyncio.timeout(3):
            await over.wait()
        return drive

    return asyncio.run(main())


def test_the_first_step_is_taken_at_once() -> None:
    seen: list[str] = []

    async def work() -> None:
        seen.append("begun")

    async def main() -> None:
        drive = Drive(asyncio.get_running_loop(), lambda: seen.append("over"))
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: drive.start(work()))
        loop.call_soon(lambda: seen.append("next"))
        await asyncio.sleep(0.01)
        assert drive.done()

    asyncio.run(main())

    assert seen == ["begun", "over", "next"]


@pytest.mark.parametrize(
    "wait",
    [
        lambda: asyncio.sleep(0),
        lambda: asyncio.sleep(0.001),
        lambda: asyncio.shield(asyncio.ensure_future(asyncio.sleep(0.001))),
        lambda: asyncio.gather(asyncio.sleep(0), asyncio.sleep(0.001)),
        lambda: asyncio.wait_for(asyncio.sleep(0.001), 1),
    ],
)
def test_it_waits_for_whatever_a_task_waits_for(wait: Callable[[], Awaitable[Any]]) -> None:
    seen: list[object] = []

    async def work() -> None:
        seen.append(asyncio.current_task())
        await wait()
        seen.append(asyncio.current_task())

    drive = run(work)

    assert seen == [drive, drive]
    assert drive.done()


def test_a_timeout_ends_a_wait_and_no_more() -> None:
    seen: list[str] = []

    async def work() -> None:
        try:
            async with asyncio.timeout(0.01):
                await Bell(asyncio.get_running_loop())
        except TimeoutError:
            seen.append("late")
        await asyncio.sleep(0)
        seen.append("went on")

    drive = run(work)

    assert seen == ["late", "went on"]
    assert drive.cancelling() == 0


@pytest.mark.parametrize("bell", [True, False])
def test_cancelling_reaches_the_wait_and_may_be_taken_back(bell: bool) -> None:
    seen: list[str] = []

    async def work() -> None:
        try:
            await (Bell(asyncio.get_running_loop()) if bell else asyncio.sleep(10))
        except asyncio.CancelledError:
            seen.append("cancelled")
        await asyncio.sleep(0.001)
        seen.append("went on")

    run(work, Drive.cancel)

    assert seen == ["cancelled", "went on"]


def test_cancelled_before_it_waits_it_is_cancelled_when_it_does() -> None:
    seen: list[str] = []

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        seen.append("still here")
        await asyncio.sleep(10)

    drive = run(work)

    assert seen == ["still here"]
    assert drive.done()
    assert not drive.cancel()


def test_a_bell_wakes_a_drive_in_the_same_call_and_a_task_soon() -> None:
    seen: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = Bell(loop), Bell(loop)

        async def wait(bell: Bell, name: str) -> None:
            await bell
            seen.append(name)

        def ring() -> None:
            theirs.ring()
            ours.ring()
            seen.append("rung")

        drive = Drive(loop, lambda: None)
        loop.call_soon(lambda: drive.start(wait(ours, "drive")))
        task = loop.create_task(wait(theirs, "task"))
        await asyncio.sleep(0.01)
        loop.call_soon(ring)
        await task

    asyncio.run(main())

    assert seen == ["drive", "rung", "task"]


def test_a_bell_rung_by_a_task_wakes_a_drive_after_it() -> None:
    seen: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        bell = Bell(loop)

        async def wait() -> None:
            await bell
            seen.append("drive")

        drive = Drive(loop, lambda: None)
        loop.call_soon(lambda: drive.start(wait()))
        await asyncio.sleep(0.01)
        bell.ring()
        seen.append("task")
        await asyncio.sleep(0.01)
        bell.ring()  # nobody waits: nothing happens
        assert drive.done()

    asyncio.run(main())

    assert seen == ["task", "drive"]
