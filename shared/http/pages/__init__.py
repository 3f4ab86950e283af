"""Flask pages, the same in every service: one look, one guard at the door, one way to refuse.

A service calls `create_pages` once and writes its views with what is exported here.
"""

from __future__ import annotations

from shared.http.pages.app import as_asgi, create_pages
from shared.http.pages.current import (
    absolute_url,
    begin,
    current_service,
    needs,
    read,
    sign_in_required,
    visitor,
)
from shared.http.pages.guard import allow_source, csrf_field, csrf_token, safe_next

__all__ = [
    "absolute_url",
    "allow_source",
    "as_asgi",
    "begin",
    "create_pages",
    "csrf_field",
    "csrf_token",
    "current_service",
    "needs",
    "read",
    "safe_next",
    "sign_in_required",
    "visitor",
]
