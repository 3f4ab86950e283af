"""What staff do to accounts. Nobody gives or takes more than they hold themselves."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from auth_service.db.groups import groups_named, permissions_named
from auth_service.db.models import User, UserSession
from auth_service.db.users import lock_active_superusers, permissions_of, user_by_id
from auth_service.domain.errors import BeyondYourReach, LastSuperuser
from auth_service.domain.permissions import CHANGE_USER, check_reach
from auth_service.events.published import UserDisabled
from auth_service.usecases.sessions import end_sessions
from shared.identity import Principal
from shared.work import Work


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What is to be different; None leaves it as it is."""

    is_active: bool | None = None
    is_staff: bool | None = None
    is_superuser: bool | None = None
    groups: Collection[str] | None = None
    permissions: Collection[str] | None = None


def change_account(work: Work, user_id: UUID, change: AccountChange, *, by: Principal) -> User:
    """Change what an account is and may do. Closing it ends its sessions at once.

    Raises BeyondYourReach when `by` would hand out, take away or overrule more than they hold.
    """
    by.must(CHANGE_USER)
    superusers = lock_active_superusers(work)
    user = user_by_id(work, user_id, lock=True)
    _check_rank(work, user, change, by)
    _change_rights(work, user, change, by)
    _change_standing(user, change)
    if (
        user.id in superusers
        and len(superusers) == 1
        and not (user.is_active and user.is_superuser)
    ):
        raise LastSuperuser
    user.version += 1
    if change.is_active is False:
        _close(work, user)
    work.session.flush()
    return user


def promote(work: Work, user_id: UUID) -> User:
    """Make somebody an active superuser, by order of whoever may run commands here."""
    user = user_by_id(work, user_id, lock=True)
    user.is_active = user.is_staff = user.is_superuser = True
    user.version += 1
    return user


def _check_rank(work: Work, user: User, change: AccountChange, by: Principal) -> None:
    if by.superuser:
        return
    if user.is_superuser or change.is_superuser is not None or change.is_staff is not None:
        raise BeyondYourReach("Only a superuser may do this.")
    if user.id == by.user_id:
        raise BeyondYourReach("Nobody changes their own rights.")
    check_reach(by, permissions_of(work, user))


def _change_rights(work: Work, user: User, change: AccountChange, by: Principal) -> None:
    if change.groups is not None:
        groups = groups_named(work, change.groups)
        moved = {group.name: group for group in [*user.groups, *groups]}
        check_reach(by, {right.name for group in moved.values() for right in group.permissions})
        user.groups = groups
    if change.permissions is not None:
        permissions = permissions_named(work, change.permissions)
        check_reach(by, {each.name for each in [*user.permissions, *permissions]})
        user.permissions = permissions


def _change_standing(user: User, change: AccountChange) -> None:
    if change.is_active is not None:
        user.is_active = change.is_active
    if change.is_staff is not None:
        user.is_staff = change.is_staff
    if change.is_superuser is not None:
        user.is_superuser = change.is_superuser


def _close(work: Work, user: User) -> None:
    end_sessions(work, UserSession.user_id == user.id)
    work.publish(UserDisabled(user_id=user.id, version=user.version))
