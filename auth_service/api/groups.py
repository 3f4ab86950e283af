"""Groups and permissions as JSON."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from sqlalchemy import select

from auth_service.api.schemas import GroupOut, PermissionOut
from auth_service.db.groups import groups_after
from auth_service.db.models import Permission
from auth_service.domain.permissions import VIEW_GROUP
from shared.http.deps import ReadDep, needs
from shared.http.paging import Cursor, Limit, Page, decode_cursor, encode_cursor, page_of
from shared.identity import Principal

router = APIRouter(prefix="/v1", tags=["groups"])


@router.get("/groups")
def list_groups(
    work: ReadDep,
    caller: Annotated[Principal, needs(VIEW_GROUP)],
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[GroupOut]:
    """List groups and what they may do. Needs `auth.view_group`."""
    after = decode_cursor(cursor, str)
    rows = groups_after(work, after[0] if after else "", limit)
    kept, following = page_of(rows, limit, lambda last: encode_cursor(last.name))
    return Page(items=[GroupOut.of(group) for group in kept], next=following)


@router.get("/permissions")
def list_permissions(
    work: ReadDep, caller: Annotated[Principal, needs(VIEW_GROUP)]
) -> Page[PermissionOut]:
    """List all that services have announced. Needs `auth.view_group`."""
    rows = work.session.scalars(select(Permission).order_by(Permission.name))
    return Page(items=[PermissionOut.model_validate(each) for each in rows])
