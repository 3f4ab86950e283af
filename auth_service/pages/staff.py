"""Where staff find their tools."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from auth_service.domain.errors import StaffOnly
from shared.http.pages import sign_in_required, visitor

staff = Blueprint("staff", __name__, url_prefix="/admin")


@staff.get("")
@staff.get("/", strict_slashes=False)
@sign_in_required
def tools_page() -> ResponseReturnValue:
    """The way to each service's administration."""
    if not (visitor().staff or visitor().superuser):
        raise StaffOnly
    return render_template("auth/tools.html")
