"""Find users."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select, union
from sqlalchemy.orm import selectinload

from auth_service.db.models import (
    Group,
    Permission,
    User,
    group_permissions,
    user_groups,
    user_permissions,
)
from auth_service.domain.errors import UserNotFound
from shared.work import Work

FULL = (
    selectinload(User.groups).selectinload(Group.permissions),
    selectinload(User.permissions),
)


def user_by_email(work: Work, email: str) -> User | None:
    """The user with this (tidied) address."""
    return work.session.scalar(select(User).where(User.email == email))


def user_by_id(work: Work, user_id: UUID, *, lock: bool = False) -> User:
    """The user with groups and permissions; raises UserNotFound. `lock` until the commit."""
    query = select(User).where(User.id == user_id).options(*FULL)
    if lock:  # what this work read before may be old by now
        query = query.with_for_update().execution_options(populate_existing=True)
    found = work.session.scalar(query)
    if found is None:
        raise UserNotFound
    return found


def users_after(work: Work, last: UUID | None, limit: int, *, search: str = "") -> Sequence[User]:
    """Users in the order in which they came, after the user `last`; one more than `limit`."""
    query = select(User).options(*FULL).order_by(User.id).limit(limit + 1)
    if last:
        query = query.where(User.id > last)
    if search:
        query = query.where(User.email.startswith(search.casefold(), autoescape=True))
    return work.session.scalars(query).all()


def count_users(work: Work) -> int:
    """How many users there are."""
    return work.session.scalar(select(func.count()).select_from(User)) or 0


def lock_active_superusers(work: Work) -> list[UUID]:
    """Those who may do everything, kept as they are until the commit."""
    query = select(User.id).where(User.is_superuser, User.is_active).order_by(User.id)
    return list(work.session.scalars(query.with_for_update()))


def permissions_of(work: Work, user: User) -> tuple[str, ...]:
    """All that the user may do anywhere; for a superuser, all there is."""
    if user.is_superuser:
        return tuple(work.session.scalars(select(Permission.name)))
    direct = select(user_permissions.c.permission_name).where(user_permissions.c.user_id == user.id)
    by_group = (
        select(group_permissions.c.permission_name)
        .join(user_groups, user_groups.c.group_id == group_permissions.c.group_id)
        .where(user_groups.c.user_id == user.id)
    )
    return tuple(work.session.scalars(union(direct, by_group)))
