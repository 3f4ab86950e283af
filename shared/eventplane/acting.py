"""What an operator does to parked events beside settling dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import update

from shared.database import database_now, rows_changed
from shared.dead_letters import is_waiting
from shared.work import Work


def try_now(work: Work, parked: Any, seqs: Sequence[int]) -> int:
    """Let these parked events have their next turn at once; how many that are."""
    chosen = update(parked).where(parked.seq.in_(seqs), is_waiting(parked))
    return rows_changed(work.session, chosen.values(next_try_at=database_now(work.session)))
