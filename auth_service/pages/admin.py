"""The admin screens of auth: people, groups, permissions, sessions. All writes are use-cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from starlette.types import ASGIApp

from auth_service.db.models import Base, Group, Permission, User, UserSession
from auth_service.domain.permissions import (
    CHANGE_GROUP,
    CHANGE_USER,
    END_SESSION,
    VIEW_GROUP,
    VIEW_SESSION,
    VIEW_USER,
)
from auth_service.usecases.groups import change_group, make_group, remove_group
from auth_service.usecases.sessions import end_sessions
from auth_service.usecases.staff import AccountChange, change_account
from shared.http.admin import (
    AdminView,
    Asked,
    BooleanField,
    DateTimeField,
    HasMany,
    HasOne,
    StringField,
    Values,
    bulk_action,
    create_admin,
    row_action,
)
from shared.http.admin.bus import bus_views
from shared.identity import Principal
from shared.service import Service
from shared.work import Work

MARKS = ("is_active", "is_staff", "is_superuser")


class UserView(AdminView):
    """People. Their passwords are nobody's business."""

    menu_label = "People"
    icon = "fa fa-user"
    named_by: ClassVar[str] = "email"
    fields = [
        StringField("email", label="E-mail", read_only=True),
        StringField("name", read_only=True),
        *(BooleanField(mark) for mark in MARKS),
        HasMany("groups", key="group"),
        HasMany("permissions", key="permission", label="Permissions of their own"),
        DateTimeField("last_sign_in_at", label="Last signed in", read_only=True),
        DateTimeField("created_at", label="Since", read_only=True),
    ]
    exclude_fields_from_list = ["permissions", "created_at"]
    exclude_fields_from_edit = ["last_sign_in_at", "created_at"]
    searchable_fields = ["email", "name"]
    sortable_fields = ["email", "name", "last_sign_in_at", "created_at"]
    view_permission = VIEW_USER
    change_permission = CHANGE_USER

    def change(self, work: Work, row: User, values: Values, by: Principal) -> None:
        """What they are and may do; closing an account ends its sessions."""
        change = AccountChange(
            **{mark: bool(values[mark]) for mark in MARKS if mark in values},
            groups=_names(values.get("groups")),
            permissions=_names(values.get("permissions")),
        )
        change_account(work, row.id, change, by=by)

    @row_action("Sign out everywhere", permission=END_SESSION, confirm="End all their sessions?")
    def sign_out(self, work: Work, ids: list[UUID], asked: Asked) -> str:
        """End all sessions of one person."""
        ended = end_sessions(work, UserSession.user_id.in_(ids))
        return f"{ended} sessions ended." if ended != 1 else "One session ended."


class GroupView(AdminView):
    """Groups, and what their members may do."""

    menu_label = "Groups"
    icon = "fa fa-users"
    fields = [StringField("name", required=True), HasMany("permissions", key="permission")]
    view_permission = VIEW_GROUP
    add_permission = change_permission = remove_permission = CHANGE_GROUP

    def add(self, work: Work, values: Values, by: Principal) -> Group:
        """Found a group."""
        return make_group(work, values["name"] or "", _names(values["permissions"]) or (), by=by)

    def change(self, work: Work, row: Group, values: Values, by: Principal) -> None:
        """Another name, or other permissions."""
        permissions = _names(values.get("permissions", row.permissions)) or ()
        change_group(work, row.id, values.get("name", row.name) or "", permissions, by=by)

    def remove(self, work: Work, row: Group, by: Principal) -> None:
        """Dissolve it."""
        remove_group(work, row.id, by=by)


class SessionView(AdminView):
    """Who is signed in, where."""

    menu_label = "Sessions"
    icon = "fa fa-key"
    key = "session"
    named_by: ClassVar[str] = "user_agent"
    fields = [
        HasOne("user", key="user"),
        StringField("kind"),
        StringField("user_agent", label="Device"),
        StringField("ip", label="Address"),
        DateTimeField("created_at", label="Signed in"),
        DateTimeField("last_seen_at", label="Last used"),
        DateTimeField("expires_at", label="Ends by itself"),
        DateTimeField("ended_at", label="Ended"),
    ]
    searchable_fields = ["user_agent", "ip"]
    view_permission = VIEW_SESSION

    @bulk_action("End", permission=END_SESSION, confirm="End these sessions?", danger=True)
    def end(self, work: Work, ids: list[UUID], asked: Asked) -> str:
        """End the ticked sessions."""
        ended = end_sessions(work, UserSession.id.in_(ids))
        return f"{ended} sessions ended." if ended != 1 else "One session ended."


class PermissionView(AdminView):
    """What services have announced that one may be allowed to do."""

    menu_label = "Permissions"
    icon = "fa fa-lock"
    fields = [StringField("name"), StringField("service"), StringField("description")]
    searchable_fields = ["name", "description"]
    view_permission = VIEW_GROUP


VIEWS: dict[type[AdminView], type[Base]] = {
    UserView: User,
    GroupView: Group,
    SessionView: UserSession,
    PermissionView: Permission,
}


def create_people_admin(service: Service) -> ASGIApp:
    """The admin under /admin/auth/."""
    views = [view(model) for view, model in VIEWS.items()]
    return create_admin(service, [*views, *bus_views(service)], title="People")


def _names(rows: Sequence[Any] | None) -> list[str] | None:
    return None if rows is None else [row.name for row in rows]
