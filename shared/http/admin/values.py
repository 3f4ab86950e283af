"""What a form says, as values a use-case can take."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette_admin.fields import FileField, HasMany, RelationField

from shared.http.admin.amounts import Typed
from shared.work import Work

if TYPE_CHECKING:
    from starlette_admin.contrib.sqla import ModelView

Values = dict[str, Any]
_ABSENT = object()


def settled(view: ModelView, work: Work, data: Values) -> Values:
    """Related rows are loaded into this work; times get their zone; empty uploads drop out."""
    values: Values = {}
    for field in view.fields:
        if field.read_only or field.name not in data:
            continue
        value = data[field.name]
        if isinstance(field, RelationField):
            values[field.name] = _related(view, work, field, value)
        elif isinstance(field, FileField):
            if value is not None and any(value):
                values[field.name] = value
        elif isinstance(value, Typed):
            values[field.name] = int(value)
        elif isinstance(value, datetime) and value.tzinfo is None:
            values[field.name] = value.replace(tzinfo=UTC)
        else:
            values[field.name] = value
    return values


def differing(row: Any, values: Values) -> Values:
    """Only what is not yet so."""
    return {name: value for name, value in values.items() if getattr(row, name, _ABSENT) != value}


def _related(view: ModelView, work: Work, field: RelationField, value: Any) -> Any:
    foreign: Any = view._find_foreign_view(str(field.key))
    if isinstance(field, HasMany):
        kind: Any = field.collection_class
        found = [work.session.get(foreign.model, foreign._pk_coerce(pk)) for pk in value or ()]
        return kind(row for row in found if row is not None)
    return work.session.get(foreign.model, foreign._pk_coerce(value)) if value else None
