"""Who may look at the gateway, and who may steer it: auth says so, and silence means nobody.

The question is asked in the operator's own name. A yes is believed for a few seconds, so that a
page that is looked at all day asks rarely; a no is not, so that a permission counts when it is
given. While auth is away a yes is believed a little longer for looking, since that is when one
needs to look: as long as a session's token lives at most. To act, auth is asked each time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from pydantic import BaseModel
from starlette.requests import Request

from gateway.eventplane.asking import Asking, Reply, Said

LOOK, STEER = "gateway.view_traffic", "gateway.steer_traffic"
AUTH, ASK = "auth", "/v1/users/me"
FRESH, STALE = 10.0, 300.0  # seconds that a yes is believed; and while auth is away
MOST = 100  # operators whose yes is remembered


class Me(BaseModel):
    """What auth says about whoever asks."""

    id: str
    name: str
    is_superuser: bool
    permissions: tuple[str, ...] = ()

    def may(self, permission: str) -> bool:
        """Whether they hold this permission."""
        return self.is_superuser or permission in self.permissions


class Answer(Enum):
    """What came of the question."""

    YES = "yes"
    UNKNOWN = "unknown"  # nobody is signed in
    NO = "no"
    AWAY = "away"  # auth did not say


@dataclass(frozen=True, slots=True)
class Judged:
    """The answer; `operator` is there if auth told us who asks."""

    answer: Answer
    operator: Me | None = None


class Operators:
    """Asks auth."""

    def __init__(self, asking: Asking, now: Callable[[], float]) -> None:
        self._asking = asking
        self._now = now
        self._known: dict[bytes, tuple[float, Me]] = {}

    async def may_look(self, request: Request) -> Judged:
        """Whether this caller may see the gateway's page."""
        return await self._judge(request, LOOK, fresh=FRESH)

    async def may_steer(self, request: Request) -> Judged:
        """Whether this caller may change anything; asked anew each time."""
        return await self._judge(request, STEER, fresh=0.0)

    async def _judge(self, request: Request, permission: str, *, fresh: float) -> Judged:
        # The token of an ended session is evicted; then there is nothing to be known by.
        token = await self._asking.authorization(request, AUTH)
        if isinstance(token, Said):
            return Judged(Answer.UNKNOWN if token is Said.UNKNOWN else Answer.AWAY)
        at, me = self._known.get(token, (float("-inf"), None))
        if me is None or not me.may(permission) or self._now() - at >= fresh:
            reply = await self._asking.one(request, AUTH, ASK, Me)
            believed = me if fresh and self._now() - at < STALE else None
            if reply.said is not Said.TOLD and not (reply.said is Said.AWAY and believed):
                self._known.pop(token, None)
                return Judged(_ANSWERS[reply.said])
            me = self._remember(token, reply) or believed
        assert me is not None
        return Judged(Answer.YES if me.may(permission) else Answer.NO, me)

    def _remember(self, token: bytes, reply: Reply[Me]) -> Me | None:
        if reply.told is not None:
            self._known.pop(token, None)
            while len(self._known) >= MOST:
                del self._known[next(iter(self._known))]
            self._known[token] = self._now(), reply.told
        return reply.told


_ANSWERS = {Said.UNKNOWN: Answer.UNKNOWN, Said.REFUSED: Answer.NO, Said.AWAY: Answer.AWAY}
