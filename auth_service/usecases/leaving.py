"""Somebody leaves for good."""

from __future__ import annotations

from sqlalchemy import delete, select

from auth_service.db.models import User, UserSession
from auth_service.db.users import lock_active_superusers
from auth_service.domain.errors import LastSuperuser, WrongPassword
from auth_service.domain.visits import Visit
from auth_service.events.published import UserErased
from auth_service.usecases.desk import Desk
from auth_service.usecases.sessions import end_sessions
from auth_service.usecases.users import confirm_password
from shared.identity import Principal


def erase_account(desk: Desk, who: Principal, password: str, visit: Visit) -> None:
    """Remove an account by wish of its owner, who gives the password once more.

    The other services hear of it and forget them, too. Sent events and answers kept for repeated
    requests fade within days.
    """
    user = confirm_password(desk, who, password, visit)
    with desk.transactions.begin() as work:
        if lock_active_superusers(work) == [user.id]:
            raise LastSuperuser
        # Nobody signs in any more from here on: such a session would vanish without an end.
        still = select(User.version).where(
            User.id == user.id, User.password_hash == user.password_hash
        )
        version = work.session.scalar(still.with_for_update())
        if version is None:
            raise WrongPassword
        end_sessions(work, UserSession.user_id == user.id)
        work.session.execute(delete(User).where(User.id == user.id))
        work.publish(UserErased(user_id=user.id, version=version + 1))
