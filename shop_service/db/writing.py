"""The one way in which the shop changes what others may be changing: by a statement that counts.

Statements that run for every order or every cart are built once, as module constants: building
one costs several times as much as running it. Their parameters are named `of_…`; what is given
beside those is written to the columns of that name.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import CursorResult, Delete, Table, Update
from sqlalchemy.orm import DeclarativeBase

from shared.work import Work


def table_of(row: type[DeclarativeBase]) -> Table:
    """The table behind a row class, for statements that need no more than that."""
    return cast(Table, row.__table__)


def changed(work: Work, statement: Update | Delete, **values: Any) -> int:
    """How many rows the statement changed. None: the world is no longer as its WHERE says."""
    done = work.session.execute(
        statement, values or None, execution_options={"synchronize_session": False}
    )
    return int(cast("CursorResult[Any]", done).rowcount)
