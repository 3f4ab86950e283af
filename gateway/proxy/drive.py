"""Drives the coroutine of a request from the moment its head is there, without an asyncio task.

A task begins and goes on by way of the loop's queue, once per wait. A `Drive` takes the first
step at once, inside the call that brought the request, and each further step inside the call that
brought what it waited for. To the code it runs it is a task: the one `asyncio.current_task` names,
with `cancel` and `uncancel`, as the chapter "Extending" of asyncio's manual describes. A `Bell`
is what such code waits for; under an ordinary task it works too.
"""

from __future__ import annotations

import asyncio
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from shared.logging import get

log = get("gateway")


class Drive:
    """Runs one coroutine to its end; then calls `on_end`, once."""

    __slots__ = (
        "__weakref__",
        "_cancels",
        "_coro",
        "_ended",
        "_loop",
        "_must_cancel",
        "_on_end",
        "_waiting",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, on_end: Callable[[], None]) -> None:
        self._loop = loop
        self._on_end = on_end
        self._coro: Coroutine[Any, None, None]
        self._waiting: Any = None
        self._cancels = 0
        self._must_cancel = False
        self._ended = False

    def start(self, coro: Coroutine[Any, None, None]) -> None:
        """Run `coro` as far as it goes without waiting. Not from inside a task."""
        self._coro = coro
        self._step()

    def rung(self, bell: Bell) -> None:
        """What the coroutine waited for has come; goes on now, or soon if a task is at work."""
        if asyncio.current_task(self._loop) is None:
            if self._waiting is bell:
                self._step()
        else:
            self._loop.call_soon(self._go_on, bell)

    # What asyncio asks of a task

    def cancel(self, msg: Any = None) -> bool:
        """Throw CancelledError into the coroutine, soon; false if it has ended."""
        if self._ended:
            return False
        self._cancels += 1
        waiting = self._waiting
        if waiting is not None and waiting.__class__ is not Bell and waiting.cancel():
            return True
        self._must_cancel = True
        if waiting.__class__ is Bell:
            self._loop.call_soon(self._go_on, waiting)
        return True

    def uncancel(self) -> int:
        """Take one request to cancel back."""
        if self._cancels:
            self._cancels -= 1
        return self._cancels

    def cancelling(self) -> int:
        """How many requests to cancel are open."""
        return self._cancels

    def done(self) -> bool:
        """Whether the coroutine has ended."""
        return self._ended

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop it runs on."""
        return self._loop

    def get_name(self) -> str:
        """For logs."""
        return "request"

    def get_coro(self) -> Coroutine[Any, None, None]:
        """What it runs."""
        return self._coro

    # Stepping

    def _go_on(self, bell: Bell) -> None:
        if self._waiting is bell:
            self._step()

    def _woken(self, _: object) -> None:
        self._step()

    def _step(self) -> None:
        error = None
        if self._must_cancel:
            self._must_cancel, error = False, asyncio.CancelledError()
        self._waiting = None
        waiting: Any = None
        loop: asyncio.AbstractEventLoop = self._loop
        task: Any = self  # in asyncio's eyes
        _enter_task(loop, task)
        try:
            waiting = self._coro.send(None) if error is None else self._coro.throw(error)
        except StopIteration:
            self._ended = True
        except asyncio.CancelledError:
            self._ended = True
        except Exception:
            self._ended = True
            log.exception("bug")
        finally:
            _leave_task(loop, task)
        if self._ended:
            self._on_end()
        else:
            self._wait(waiting)

    def _wait(self, waiting: Any) -> None:
        if waiting.__class__ is Bell:
            self._waiting = waiting
            if self._must_cancel:
                self._loop.call_soon(self._go_on, waiting)
        elif waiting is None:  # a bare yield: asyncio.sleep(0)
            self._loop.call_soon(self._step)
        else:
            self._waiting = waiting
            waiting._asyncio_future_blocking = False
            waiting.add_done_callback(self._woken)
            if self._must_cancel and waiting.cancel():
                self._must_cancel = False


class Bell:
    """One waits for it (`await bell`), another rings it. A ring that nobody hears is lost.

    Who waits must look again whether what they waited for is true: a ring may come late.
    """

    __slots__ = ("_loop", "_waiter")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiter: Drive | asyncio.Future[None] | None = None

    def __await__(self) -> Generator[Any, None, None]:
        task: Any = asyncio.current_task(self._loop)
        if task.__class__ is Drive:
            self._waiter = task
            try:
                yield self
            finally:
                self._waiter = None
        else:
            future = self._waiter = self._loop.create_future()
            try:
                yield from future
            finally:
                self._waiter = None

    def ring(self) -> None:
        """Wake who waits, if anybody does."""
        waiter, self._waiter = self._waiter, None
        if isinstance(waiter, Drive):
            waiter.rung(self)
        elif waiter is not None and not waiter.done():
            waiter.set_result(None)
