"""A view of one table: what is shown, who may do what, and how it is written.

Reads go straight to the table. Writes never do: `add`, `change` and `remove` run inside one
`transactions.begin()`, so a view calls the same use-cases as every other door, and what they
publish commits with the change. What has no permission declared nobody can do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast
from uuid import UUID

from anyio.to_thread import run_sync
from markupsafe import escape
from sqlalchemy.exc import StatementError
from starlette.requests import Request
from starlette_admin.contrib.sqla import ModelView
from starlette_admin.contrib.sqla.view import InlineModelView
from starlette_admin.fields import BaseField, RelationField
from starlette_admin.flash import flash
from starlette_admin.tools import iterdecode
from starlette_admin.types import RowActionsDisplayType

from shared.errors import NotFound
from shared.http.admin.actions import Act, Asked, Button
from shared.http.admin.troubles import as_action_failure, as_form_error
from shared.http.admin.values import Values, differing, settled
from shared.identity import ANONYMOUS, Principal
from shared.logging import get
from shared.work import Work

if TYPE_CHECKING:
    from shared.service import Service

log = get(__name__)
R = TypeVar("R")


class RowGone(NotFound):
    """Somebody removed this row meanwhile."""


def caller_of(request: Request) -> Principal:
    """The verified caller of this request."""
    caller = request.scope.get("state", {}).get("caller")
    return caller if isinstance(caller, Principal) else ANONYMOUS


class Shown(ModelView):
    """What both kinds of views share: rows have names, and strange keys find nothing."""

    fields: Sequence[Any] = ()  # names of columns, or fields
    named_by: ClassVar[str] = "name"

    async def repr(self, obj: Any, request: Request) -> str:
        """The row's own name, never only its key."""
        return str(getattr(obj, self.named_by, self.display_name))

    async def select2_result(self, obj: Any, request: Request) -> str:
        """The same name in lists to choose from."""
        return f"<span>{escape(await self.repr(obj, request))}</span>"


class AdminView(Shown):
    """One table in the admin. Declare `fields`, the permissions, and the hooks that write."""

    view_permission: ClassVar[str] = ""
    add_permission: ClassVar[str] = ""
    change_permission: ClassVar[str] = ""
    remove_permission: ClassVar[str] = ""
    page_size = 25
    row_actions_display_type = RowActionsDisplayType.DROPDOWN

    def __init__(self, model: type[Any], **more: Any) -> None:
        super().__init__(model, **more)
        if not self.view_permission:
            raise TypeError(f"{type(self).__name__} must say its view_permission.")
        if not hasattr(model, self.named_by):
            raise TypeError(f"{type(self).__name__}.named_by: no {self.named_by!r} in {model}.")
        for below in self._inline_instances:
            cast(InlineModelView, below)._get_fk_attr()  # speaks up if it cannot tell
        _hide_keys(self.fields, self.pk_attr, self._pk_coerce)

    # How it is written: override these to call use-cases.

    def add(self, work: Work, values: Values, by: Principal) -> Any:
        """Make a row of what the form says, and return it."""
        row = self.model()
        for name, value in values.items():
            setattr(row, name, value)
        work.session.add(row)
        return row

    def change(self, work: Work, row: Any, values: Values, by: Principal) -> None:
        """Change the row; `values` holds only what differs from it."""
        for name, value in values.items():
            setattr(row, name, value)

    def remove(self, work: Work, row: Any, by: Principal) -> None:
        """Remove the row."""
        work.session.delete(row)

    # Who may do what.

    def is_accessible(self, request: Request) -> bool:
        """Whether the caller sees this view at all."""
        return caller_of(request).may(self.view_permission)

    def can_create(self, request: Request) -> bool:
        """Whether the caller may add rows."""
        return self._may(request, self.add_permission)

    def can_edit(self, request: Request) -> bool:
        """Whether the caller may change rows."""
        return self._may(request, self.change_permission)

    def can_delete(self, request: Request) -> bool:
        """Whether the caller may remove rows."""
        return self._may(request, self.remove_permission)

    def can_import(self, request: Request) -> bool:
        """Files are imported by commands, which call use-cases."""
        return False

    async def is_action_allowed(self, request: Request, name: str) -> bool:
        """Our buttons ask for their own permission."""
        button = getattr(self._actions_handlers.get(name), "button", None)
        if button is not None:
            return self._may(request, button.permission)
        return await super().is_action_allowed(request, name)

    async def is_row_action_allowed(self, request: Request, name: str) -> bool:
        """Our buttons ask for their own permission."""
        button = getattr(self._row_actions_handlers.get(name), "button", None)
        if button is not None:
            return self._may(request, button.permission)
        return await super().is_row_action_allowed(request, name)

    # What the panel calls.

    async def find_by_pk(self, request: Request, pk: Any) -> Any:
        """The row, or None: also for keys that cannot be one."""
        try:
            return await super().find_by_pk(request, pk)
        except (ValueError, StatementError):
            return None

    async def create(self, request: Request, data: dict[str, Any]) -> Any:
        """Add a row through `add`."""
        await self.validate(request, data)
        by = caller_of(request)

        def act(work: Work) -> Any:
            row = self.add(work, settled(self, work, data), by)
            work.session.flush()
            return getattr(row, self._key)

        return await self._written(request, "added", act)

    async def edit(self, request: Request, pk: Any, data: dict[str, Any]) -> Any:
        """Change a row through `change`, if anything differs."""
        await self.validate(request, data)
        by = caller_of(request)

        def act(work: Work) -> Any:
            row = self._row(work, pk)
            values = differing(row, settled(self, work, data))
            if values:
                self.change(work, row, values, by)
            return pk

        return await self._written(request, "changed", act)

    async def delete(self, request: Request, pks: list[Any]) -> int | None:
        """Remove rows through `remove`: all of them or none."""
        by = caller_of(request)

        def act(work: Work) -> int:
            for pk in pks:
                self.remove(work, self._row(work, pk), by)
            return len(pks)

        with as_action_failure():
            return await self._in_transaction(request, "removed", act)

    async def press(self, request: Request, act: Act, pks: Sequence[Any], button: Button) -> None:
        """Run what a button stands for, and show what it says."""
        form = await request.form()
        answers = {name: str(form.get(name) or "").strip() for name in button.questions}
        asked = Asked(caller_of(request), answers)
        with as_action_failure():
            ids = [self._coerced(pk) for pk in pks]
            said = await self._in_transaction(
                request, button.words, lambda work: act(self, work, ids, asked)
            )
        flash(request, said, "success")

    # How it is done.

    @property
    def _service(self) -> Service:
        return cast("Service", cast(Any, self._admin).service)

    @property
    def _key(self) -> str:
        return str(self.pk_attr)

    def _may(self, request: Request, permission: str) -> bool:
        return bool(permission) and caller_of(request).may(permission)

    async def _written(self, request: Request, verb: str, act: Callable[[Work], Any]) -> Any:
        with as_form_error({field.name for field in self.fields}):
            pk = await self._in_transaction(request, verb, act)
        return await super().find_by_pk(request, str(pk))

    async def _in_transaction(self, request: Request, verb: str, act: Callable[[Work], R]) -> R:
        done = await run_sync(partial(self._begin, act))
        await run_sync(request.state.session.rollback)  # what was read before is old now
        request.state.session.expire_all()
        log.info("admin", view=self.key, did=verb, by=str(caller_of(request).user_id))
        return done

    def _begin(self, act: Callable[[Work], R]) -> R:
        with self._service.transactions.begin() as work:
            return act(work)

    def _row(self, work: Work, pk: Any) -> Any:
        row = work.session.get(self.model, self._coerced(pk))
        if row is None:
            raise RowGone("Somebody removed this meanwhile.")
        return row

    def _coerced(self, pk: Any) -> Any:
        coerce = self._pk_coerce
        try:
            if isinstance(coerce, tuple):
                return tuple(each(part) for each, part in zip(coerce, iterdecode(pk), strict=True))
            return pk if isinstance(pk, coerce) else coerce(pk)
        except ValueError as error:
            raise RowGone("There is no such row.") from error


class RowsBelow(Shown, InlineModelView):
    """Rows that belong to another, shown under it on its page: order lines, payments. Read only."""

    rows_of: ClassVar[type[Any]]

    def __init__(self, parent_view: Any = None) -> None:
        self.parent_view = parent_view
        ModelView.__init__(self, self.rows_of)
        _hide_keys(self.fields, self.pk_attr, self._pk_coerce)


def _hide_keys(fields: Sequence[BaseField], key: str | None, kind: Any) -> None:
    for each in fields:
        if each.name == key and kind is UUID:
            each.exclude_from_list = True
        if isinstance(each, RelationField):
            each.searchable = False
