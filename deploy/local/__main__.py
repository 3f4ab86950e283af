"""`python -m deploy.local`: run the whole shop here until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from deploy.local.console import Console
from deploy.local.guard import Guard
from deploy.local.lock import take_lock
from deploy.local.plan import Part, parts
from deploy.local.ports import must_be_free
from deploy.local.refusal import CannotStart
from deploy.local.supervisor import Supervisor
from deploy.local.welcome import welcome

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Start, supervise, stop. The exit code says whether the shop could be started."""
    options = _options()
    console = Console(sys.stdout)
    lock = guard = None
    try:
        lock = take_lock(options.var)
        plan = parts(options.port, options.var, os.environ)
        must_be_free(plan, suggestion=options.port + 100)
        if options.real:
            # Imported here: the embedded start must not pay for database drivers.
            from deploy.local.real import prepare

            plan = parts(options.port, options.var, os.environ | prepare(options.var, console))
        guard = Guard(holding=[lock.fileno()])
        return asyncio.run(_run(plan, console, guard, real=options.real))
    except CannotStart as reason:
        console.fail(str(reason))
        return 1
    finally:
        if guard:
            guard.close()
        if lock:
            lock.close()


async def _run(plan: list[Part], console: Console, guard: Guard, *, real: bool) -> int:
    supervisor = Supervisor(plan, console, guard)
    stopping = _listen_for_signals(supervisor)
    console.step(f"starting {', '.join(part.name for part in plan)}")
    working = asyncio.create_task(_work(supervisor, console, plan, real=real))
    asked = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({working, asked}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
    finally:
        working.cancel()
        await asyncio.wait([working])
        console.step("stopping in order (Ctrl-C once more stops at once)")
        await supervisor.stop(console.done)
    return 0


async def _work(supervisor: Supervisor, console: Console, plan: list[Part], *, real: bool) -> None:
    await supervisor.start()
    console.box(welcome(plan[-1], supervisor.elapsed, real=real))
    await supervisor.keep_running()


def _listen_for_signals(supervisor: Supervisor) -> asyncio.Event:
    stopping = asyncio.Event()

    def press() -> None:
        if stopping.is_set():
            supervisor.kill()
        stopping.set()

    for number in STOPPING:
        asyncio.get_running_loop().add_signal_handler(number, press)
    return stopping


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="the gateway's; services follow")
    parser.add_argument("--var", type=Path, default=Path("var"), help="where the data is kept")
    parser.add_argument("--real", action="store_true", help="use PostgreSQL and RabbitMQ")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
