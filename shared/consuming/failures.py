"""Whose fault a failure was. That decides whether the event, or everybody, has to wait."""

from __future__ import annotations

import traceback
from enum import Enum

from sqlalchemy.exc import DBAPIError, TimeoutError

from shared.database import Database, in_trouble
from shared.events import BadEnvelope

LONGEST_TRACE = 2000  # characters that are kept of it

# SQLSTATE: two transactions were in each other's way, and the next try may well succeed.
IN_EACH_OTHERS_WAY = {"40001", "40P01", "55P03"}
# A handler did nothing with its transaction, or a statement took, longer than the server allows.
TOOK_TOO_LONG = {"25P03", "57014"}


class Fault(Enum):
    """Whose fault it was."""

    EVENT = "event"  # it can never be read: no further try will help
    MOMENT = "moment"  # something on the way: try again now, then later
    CLASH = "clash"  # another transaction was in the way: try again at once, it does not count
    DATABASE = "database"  # ours is away: no event can be handled, and none is to blame


def fault_of(error: BaseException, database: Database) -> Fault:
    """Whose fault `error` was; asks the database whether it answers if that is not clear."""
    if isinstance(error, BadEnvelope):
        return Fault.EVENT
    if isinstance(error, TimeoutError):  # no connection was free in time
        return Fault.DATABASE
    if not isinstance(error, DBAPIError):
        return Fault.MOMENT
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in IN_EACH_OTHERS_WAY:
        return Fault.CLASH
    if state in TOOK_TOO_LONG:
        return Fault.MOMENT
    if in_trouble(error) or not database.answers():
        return Fault.DATABASE
    return Fault.MOMENT


def told(error: BaseException) -> str:
    """The error for whoever reads the letter: type and message first, then where it happened."""
    trace = "".join(traceback.format_exception(error))
    words = f"{type(error).__name__}: {error}"[:1000] + "\n\n" + trace[-LONGEST_TRACE:]
    # No database keeps these, and an error may quote what a stranger sent.
    return words.replace("\x00", "\\x00").encode(errors="backslashreplace").decode()
