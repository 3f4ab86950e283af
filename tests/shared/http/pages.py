"""The shelf's pages, with one page for everything a page may do."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from httpx2 import Response
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.errors import Conflict, NotFound, Refusal, TooMany
from shared.http.forms import (
    CheckField,
    ChoiceField,
    EmailField,
    Form,
    LongTextField,
    MoneyField,
    PasswordField,
    PickField,
    TextField,
    UploadField,
    WholeNumberField,
    form_of,
)
from shared.http.pages import (
    allow_source,
    as_asgi,
    begin,
    create_pages,
    needs,
    read,
    safe_next,
    sign_in_required,
    visitor,
)
from shared.identity import Principal
from shared.service import Service
from tests.shared.http.shelf import Thing, ThingChanged, TooDear

SECRET = "a secret that only this test knows and that is long enough"
GOOD = {"name": "Mug", "price": "12.50", "number": "2", "way": "post"}
ADA = Principal(UUID(int=7), "Ada <b>", "ada@example.com")


class ThingForm(Form):
    """Every kind of field once."""

    name = TextField("Name", most=20)
    price = MoneyField("Price")
    number = WholeNumberField("Number", least=1, most=9, default=1)
    email = EmailField(required=False, help="For the receipt.")
    password = PasswordField(required=False)
    room = ChoiceField("Room", [("", "Choose"), ("kitchen", "Kitchen")], required=False)
    way = PickField("Way", [("post", "Post"), ("fetch", "Fetch")], default="post")
    note = LongTextField("Note", required=False)
    file = UploadField("File", required=False)
    agreed = CheckField("I agree")


things = Blueprint("things", __name__)


@things.route("/things", methods=["GET", "POST"])
def things_page() -> ResponseReturnValue:
    form = form_of(ThingForm)
    if form.validate_on_submit():
        try:
            with begin() as work:
                work.session.add(Thing(sku=form.name.data, name=form.name.data))
                work.publish(ThingChanged(sku=str(form.name.data), version=1))
                _refuse(str(form.name.data))
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            flash(f"Saved {form.name.data}", "success")
            return redirect(safe_next(request.args.get("next"), "/things"), 303)
    return render_template("shelf/things.html", form=form)


@things.get("/things/count")
def count_page() -> str:
    with read() as work:
        return str(work.session.query(Thing).count())


@things.get("/mine")
@sign_in_required
def mine_page() -> str:
    return f"These are {visitor().email}'s."


@things.get("/staff")
@needs("shelf.view_things")
def staff_page() -> str:
    return "Staff."


@things.get("/gone")
def gone_page() -> str:
    raise NotFound("There is no <i>such</i> thing.")


@things.get("/busy")
def busy_page() -> str:
    raise TooMany("Slow down.", retry_after=7)


@things.get("/broken")
def broken_page() -> str:
    raise RuntimeError("the secret inside")


@things.get("/consent")
def consent_page() -> str:
    allow_source("form-action", "https://client.example")
    return "Consent."


def _refuse(name: str) -> None:
    if name == "dear":
        raise TooDear("Nobody pays that.", fields={"price": "At most 1,000.00.", "colour": "?"})
    if name == "late":
        raise Conflict("Somebody was faster.")


class As:
    """Puts a caller where the front of a service puts them."""

    def __init__(self, app: ASGIApp, caller: Principal | None) -> None:
        self._app, self._caller = app, caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with its caller."""
        if self._caller is not None:
            scope.setdefault("state", {})["caller"] = self._caller
        await self._app(scope, receive, send)


def a_client(service: Service, caller: Principal | None = None, **more: Any) -> TestClient:
    """A browser at the shelf's pages."""
    flask = create_pages(service, __name__, [things])
    origin = service.settings.public_url
    app = As(as_asgi(flask, threads=2), caller)
    return TestClient(app, base_url=origin, follow_redirects=False, **more)


def token_in(page: Response) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


def send(client: TestClient, path: str = "/things", **fields: Any) -> Response:
    token = token_in(client.get("/things"))
    return client.post(path, data={**GOOD, "csrf_token": token, **fields})
