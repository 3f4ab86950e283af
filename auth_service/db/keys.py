"""Find signing keys."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from auth_service.db.models import SigningKey
from shared.work import Work

ACTIVE, NEXT, RETIRED = "active", "next", "retired"


def key_in_state(work: Work, state: str) -> SigningKey | None:
    """The active or the next key."""
    return work.session.scalar(select(SigningKey).where(SigningKey.state == state))


def lock_keys_in_use(work: Work) -> None:
    """Let nobody else rotate the active and the next key until the commit."""
    in_use = select(SigningKey.kid).where(SigningKey.state.in_([ACTIVE, NEXT]))
    work.session.execute(in_use.order_by(SigningKey.kid).with_for_update())


def all_keys(work: Work) -> Sequence[SigningKey]:
    """Every key that somebody may still need to verify a token."""
    return work.session.scalars(select(SigningKey).order_by(SigningKey.created_at)).all()
