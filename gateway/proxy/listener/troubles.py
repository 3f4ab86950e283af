"""What goes wrong on a client connection: nothing comes, or what comes is no HTTP."""

from __future__ import annotations

from gateway.proxy.clock import NEVER
from gateway.proxy.edge.guard import LONGEST_TARGET
from gateway.proxy.listener.turns import Turns


class Troubled(Turns):
    """The part of a client connection that refuses what is not even a request."""

    __slots__ = ()

    _in_head: bool
    _head_size: int

    def overdue(self) -> None:
        """Nothing came in time: half a request, a first one, or the next."""
        self.due = NEVER
        if self._lingering:
            self._transport.abort()
        elif self._target or not self._served:
            self.refuse(408, "The head of the request did not arrive in time.")
        else:
            self._transport.close()

    def _rubbish(
        self, status: int = 400, detail: str = "This is not a valid HTTP request."
    ) -> None:
        """What came is no HTTP. Whole requests that came before are still answered."""
        bad, self._receiving = self._receiving, None
        self._target, self._deaf = b"", True
        working, fresh = self.flight, self._next
        if bad is not None and bad in self._queue:
            self._queue.remove(bad)
        if working is None and not self._queue and (fresh is None or fresh is bad):
            self._next = None
            self.refuse(status, detail)
        elif working is None or working is not bad:
            self._last_words = (status, detail)
            if fresh is not None:
                self._next = None
                self._begin(fresh)
            elif working is not None:
                self._tell_of_body(working)  # its end may have come just before
        elif working.answering:
            self.cut(at_once=False)
        else:
            self.refuse(status, detail)
            self.left, working.status = True, status
            working.drive.cancel()

    def _still_in_head(self, size: int) -> None:
        """Half a head is on the clock, and counted."""
        if not self._in_head:
            self._in_head, self._head_size = True, 0
            if self.flight is None:
                self.by(self.listening.clock.now + self.listening.head_seconds)
            return
        self._head_size += size
        if self._head_size > self.listening.longest_head:
            if len(self._target) > LONGEST_TARGET:
                self._rubbish(414, "This address is too long.")
            else:
                self._rubbish(431, "The header fields of this request are too long.")
