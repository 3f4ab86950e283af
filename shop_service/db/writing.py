"""The one way in which the shop changes what others may be changing: by a statement that counts.

Statements that run for every order or every cart are built once, as module constants: building
one costs several times as much as running it. Their parameters are named `of_…`; what is given
beside those is written to the columns of that name.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Delete, Update

from shared.database import rows_changed
from shared.work import Work


def changed(work: Work, statement: Update | Delete, **values: Any) -> int:
    """How many rows the statement changed. None: the world is no longer as its WHERE says."""
    return rows_changed(work.session, statement, values)
