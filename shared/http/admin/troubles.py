"""What goes wrong while writing becomes words at the form or over the list, never a broken page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import IntegrityError
from starlette_admin.exceptions import ActionFailed, FormValidationError

from shared.errors import Refusal

WHOLE_FORM = "__form__"  # where the page looks for what no single field is to blame for
TAKEN = "This is already taken."
MISSING = "This must be filled in."
AT_ODDS = "This does not fit what is stored: it exists already, or something else refers to it."


@contextmanager
def as_form_error(fields: set[str]) -> Iterator[None]:
    """Show refusals and broken constraints at the fields they are about."""
    try:
        yield
    except Refusal as refusal:
        placed = {name: words for name, words in refusal.fields.items() if name in fields}
        raise _form_error(placed or {WHOLE_FORM: str(refusal)}) from refusal
    except IntegrityError as error:
        raise _form_error(_blame(error, fields)) from error


@contextmanager
def as_action_failure() -> Iterator[None]:
    """Show refusals and broken constraints as a message over the list."""
    try:
        yield
    except Refusal as refusal:
        raise ActionFailed(str(refusal)) from refusal
    except IntegrityError as error:
        raise ActionFailed(AT_ODDS) from error


def _blame(error: IntegrityError, fields: set[str]) -> dict[str, str]:
    """SQLite names `table.column`, PostgreSQL `Key (column)=`: find our fields in either."""
    words = str(error.orig)
    named = [name for name in fields if re.search(rf"[.(\"]{re.escape(name)}\b", words)]
    if "unique" in words.lower() and named:
        return dict.fromkeys(named, TAKEN)
    if "null" in words.lower() and named:
        return dict.fromkeys(named, MISSING)
    return {WHOLE_FORM: AT_ODDS}


def _form_error(errors: dict[str, str]) -> FormValidationError:
    return FormValidationError(dict[str | int, Any](errors.items()))
