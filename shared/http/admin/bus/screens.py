"""What the screens of events share: which rows, in which order, whose permission."""

from __future__ import annotations

from typing import Any, ClassVar

from anyio.to_thread import run_sync
from sqlalchemy import ColumnElement, Select, func, select
from starlette.requests import Request
from starlette_admin.fields import BaseField, DateTimeField, IntegerField, StringField
from starlette_admin.filters import FilterGroup

from shared import dead_letters
from shared.eventplane.wording import pretty
from shared.http.admin.views import AdminView
from shared.identity import Principal

AGAIN = "Try these again now?"
MOST_COUNTED = 10_000


class BusView(AdminView):
    """Rows of the bus side: to look at, and to act upon by buttons only."""

    named_by: ClassVar[str] = "type"
    keep_days = dead_letters.KEEP_DAYS  # what the inbox remembers, by the service's settings
    searchable_fields = ["type", "aggregate", "correlation"]  # and filterable

    def shown(self) -> ColumnElement[bool]:
        """Which rows this screen is about."""
        raise NotImplementedError  # each screen says it

    def first(self) -> tuple[Any, ...]:
        """In which order they come unless somebody asks for another."""
        return (self.model.seq,)

    def get_list_query(self, request: Request) -> Select[Any]:
        """Only the rows that the screen is about."""
        return select(self.model).where(self.shown())

    def get_count_query(self, request: Request) -> Select[Any]:
        """As many as the list shows."""
        return select(func.count()).select_from(self.model).where(self.shown())

    async def count(
        self, request: Request, q: str | None = None, filters: FilterGroup | None = None
    ) -> int:
        """As many as the list shows; beyond MOST_COUNTED nobody turns pages, and counting costs."""
        if q or (filters is not None and not filters.is_empty()):
            return int(await super().count(request, q, filters))
        some = select(self.model.seq).where(self.shown()).limit(MOST_COUNTED).subquery()
        counting = select(func.count()).select_from(some)
        return int((await run_sync(request.state.session.execute, counting)).scalar_one())

    def build_order_clauses(self, request: Request, sorts: Any, stmt: Select[Any]) -> Select[Any]:
        """What needs a person comes first."""
        if "sort" not in request.query_params:  # the panel would sort by key
            return stmt.order_by(*self.first())
        ordered: Select[Any] = super().build_order_clauses(request, sorts, stmt)
        return ordered

    def _may(self, request: Request, permission: str) -> bool:
        # Buttons are declared once for all services: their permission is the owner's.
        owner = self.view_permission.partition(".")[0]
        return super()._may(request, permission and f"{owner}.{permission}")


def of_every_event(id_column: str, *between: BaseField) -> list[BaseField]:
    """The columns of all screens, with those of one screen between what and where it belongs."""
    return [
        StringField("type"),
        StringField("aggregate", label="About"),
        *between,
        StringField("correlation"),
        StringField(id_column, label="Event id", exclude_from_list=True),
        IntegerField("version", exclude_from_list=True),
        IntegerField("seq", label="No."),
    ]


def moment(name: str, label: str) -> BaseField:
    """A point in time."""
    return DateTimeField(name, label=label)


def exact(name: str, label: str, *, listed: bool = False) -> BaseField:
    """A text as it is, on the row's own page: what a stranger sent us stays text."""
    return StringField(
        name,
        label=label,
        getter=lambda _, row: pretty(getattr(row, name)),
        detail_template="fields/detail/exact.html",
        exclude_from_list=not listed,
        exclude_from_export=not listed,
        searchable=listed,
        orderable=False,
    )


def name_of(by: Principal) -> str:
    """Who did it, as the record keeps it."""
    return (by.email or str(by.user_id))[:120]
