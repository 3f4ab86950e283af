"""Find groups and permissions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from auth_service.db.models import Group, Permission
from auth_service.domain.errors import GroupUnknown, PermissionUnknown
from shared.work import Work


def groups_after(work: Work, last: str, limit: int) -> Sequence[Group]:
    """Groups by name, after the name `last`; one more than `limit`."""
    query = select(Group).options(selectinload(Group.permissions)).order_by(Group.name)
    return work.session.scalars(query.where(Group.name > last).limit(limit + 1)).all()


def group_by_id(work: Work, group_id: UUID) -> Group:
    """The group with its permissions; raises GroupUnknown."""
    query = select(Group).where(Group.id == group_id).options(selectinload(Group.permissions))
    locked = query.with_for_update().execution_options(populate_existing=True)
    found = work.session.scalar(locked)
    if found is None:
        raise GroupUnknown([str(group_id)])
    return found


def groups_named(work: Work, names: Collection[str]) -> list[Group]:
    """Exactly these groups; raises GroupUnknown for what is missing."""
    query = select(Group).where(Group.name.in_(names)).options(selectinload(Group.permissions))
    found = list(work.session.scalars(query))
    missing = sorted(set(names) - {each.name for each in found})
    if missing:
        raise GroupUnknown(missing)
    return found


def permissions_named(work: Work, names: Collection[str]) -> list[Permission]:
    """Exactly these permissions; raises PermissionUnknown for what is missing."""
    found = list(work.session.scalars(select(Permission).where(Permission.name.in_(names))))
    missing = sorted(set(names) - {each.name for each in found})
    if missing:
        raise PermissionUnknown(missing)
    return found


def permissions_of_service(work: Work, service: str) -> dict[str, Permission]:
    """What a service has announced, by name."""
    query = select(Permission).where(Permission.service == service)
    return {each.name: each for each in work.session.scalars(query)}
