"""Whether we know who may no longer come in; and if we may not, asking auth until we do.

Events end sessions within moments. When some may have passed us by, auth is asked for everything
that ended within the life of a token. Until it has answered, sessions and tokens that look good
pass as before, but not to where only certain people may go (`current`): there we fail closed.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from urllib.parse import quote

from gateway.proxy.identity.denied import Denied
from gateway.proxy.upstream.fetch import Answer, FetchFailed
from shared.logging import get
from shared.token_profile import LEEWAY

Sample = tuple[str, str, str, dict[str, str], float]

ENDED = "/internal/v1/ended-sessions"
EVERY = 1.0  # seconds between two questions while we cannot hear, or got no answer
OVERLAP = 60.0  # longer than any transaction in which sessions end
LATE = 3.0  # what we knew before that says nothing about now
NOTICED = 0.5  # by when deafness is noticed
MOST_PAGES = 1000

log = get("gateway.revocations")


class Revocations:
    """Makes the gateway forget whoever was sent away. All of it runs on the event loop."""

    def __init__(
        self,
        fetch: Callable[[str], Awaitable[Answer]],
        denied: Denied,
        forget: Callable[[str], object],
        hears: Callable[[], bool],
        now: Callable[[], float],
        *,
        seconds: float = 3600.0,
    ) -> None:
        self.asked = 0
        self.unanswered = 0
        self._fetch = fetch
        self._denied = denied
        self._forget = forget
        self._hears = hears
        self._now = now
        self._longest = seconds + 2 * LEEWAY
        self._gaps = 0
        self._answered = 0  # which gap the last answer was about
        self._answered_at = -math.inf
        self._known_at = -math.inf  # we surely knew everything at that time
        self._wake = asyncio.Event()
        self._told = asyncio.Event()
        self._asking: asyncio.Task[None] | None = None

    def session_ended(self, session_id: str) -> None:
        """An event says so: no token of it is good any more."""
        self._denied.end(session_id)
        self._forget(session_id)

    def user_left(self, user_id: str) -> None:
        """An account was closed or erased: none of the tokens made for it so far is good."""
        self._denied.send_away(user_id)
        self._forget(user_id)

    def gap(self) -> None:
        """Events may have passed us by."""
        if self._hears():
            self._known_at = -math.inf  # a hole among what we heard: who knows since when
        self._gaps += 1
        self._wake.set()

    def deaf(self) -> None:
        """From now on we hear nothing: ask instead."""
        if self._answered == self._gaps:
            self._known_at = self._now() - NOTICED
        self._wake.set()

    def current(self) -> bool:
        """Whether we surely know who may no longer come in.

        True while we hear and have missed nothing that auth has not told us since; while we are
        deaf, as long as auth answers our questions.
        """
        if self._asking is None:
            return True  # nobody wants us to hear: tokens are good until they expire
        if self._hears() and self._answered == self._gaps:
            return True
        return self._now() - self._known_at < LATE

    async def start(self) -> None:
        """Begin to look after gaps, on the running loop; waits a little for the first answer."""
        self._asking = asyncio.get_running_loop().create_task(self._keep(), name="gateway-ended")
        with suppress(TimeoutError):
            async with asyncio.timeout(EVERY):
                await self._told.wait()

    async def stop(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
            with suppress(asyncio.CancelledError):
                await self._asking

    def samples(self) -> Iterator[Sample]:
        """Our figures: name, kind, help, labels, value."""
        text = "Whether we surely know which sessions have ended."
        yield "revocations_current", "gauge", text, {}, float(self.current())
        text = "Revoked sessions and users remembered."
        yield "revocations_remembered", "gauge", text, {}, float(len(self._denied))
        text = "Times auth was asked which sessions have ended."
        yield "revocations_asked_total", "counter", text, {}, float(self.asked)
        text = "Times it did not answer."
        yield "revocations_unanswered_total", "counter", text, {}, float(self.unanswered)

    async def _keep(self) -> None:
        while True:
            if self._answered != self._gaps or not self._hears():
                await self._ask()
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._wake.wait()
            self._wake.clear()

    async def _ask(self) -> None:
        """Learn which sessions have ended; what ends from now on we hear, or ask again."""
        gaps, asked_at = self._gaps, self._now()
        self.asked += 1
        try:
            async for session_id in self._ended(self._seconds()):
                self.session_ended(session_id)
        except (FetchFailed, ValueError, KeyError, TypeError) as error:
            self.unanswered += 1
            log.warning("auth does not say which sessions have ended", reason=str(error))
            return
        self._answered, self._answered_at = gaps, asked_at
        self._known_at = max(self._known_at, asked_at)
        self._told.set()

    def _seconds(self) -> int:
        """How far to look back: what we were told before needs no telling."""
        return math.ceil(min(self._longest, self._now() - self._answered_at + OVERLAP))

    async def _ended(self, seconds: int) -> AsyncIterator[str]:
        following: str | None = ""
        for _ in range(MOST_PAGES):
            cursor = f"&cursor={quote(following)}" if following else ""
            answer = await self._fetch(f"{ENDED}?seconds={seconds}{cursor}")
            if answer.status != 200:
                raise ValueError(f"auth answered {answer.status}")
            said = json.loads(answer.body)
            for session_id in said["sessions"]:
                yield str(session_id)
            following = said["next"]
            if following is None:
                return
        raise ValueError("the list does not end")
