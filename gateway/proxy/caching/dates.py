"""Dates in header fields: RFC 9110, section 5.6.7, read as RFC 9111, section 4.2, wants caches to.

Names of days and months match whatever their case. A zone other than GMT makes a date invalid.
"""

from __future__ import annotations

import re
from calendar import timegm
from datetime import UTC, datetime
from functools import lru_cache
from time import gmtime

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)"
_LONG_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_TIME = r"(?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE | re.ASCII)
    for form in (
        rf"{_DAY}, (?P<day>\d\d) {_MONTH} (?P<year>\d{{4}}) {_TIME} gmt",
        rf"{_LONG_DAY}, (?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_TIME} gmt",
        rf"{_DAY} {_MONTH} (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})",
    )
)


@lru_cache(maxsize=512)
def parse_date(value: bytes) -> int | None:
    """Seconds since 1970, or None if this is not a date in one of the three forms."""
    text = value.decode("latin-1").strip(" \t")
    found = next((match for form in _FORMS if (match := form.fullmatch(text))), None)
    return None if found is None else _moment(found)


def _moment(found: re.Match[str]) -> int | None:
    parts = {name: int(part) for name, part in found.groupdict().items() if name != "month"}
    month = _MONTHS.index(found["month"].lower()) + 1
    if len(found["year"]) == 2:
        parts["year"] = _century(parts["year"])
    second = min(parts.pop("second"), 60)
    try:
        day = datetime(**parts, month=month, tzinfo=UTC)
    except ValueError:
        return None
    # Sixty is a leap second; more is no time.
    return None if int(found["second"]) > 60 else timegm(day.timetuple()) + second


def _century(year: int) -> int:
    """Two digits mean the past if they would mean more than 50 years from now."""
    this_year = gmtime().tm_year
    year += this_year - this_year % 100
    return year - 100 if year > this_year + 50 else year
