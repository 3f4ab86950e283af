"""Coming in and going out: register, sign in, sign out."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from auth_service.db.models import UserSession
from auth_service.domain.cookies import no_session_cookie
from auth_service.domain.errors import EmailTaken
from auth_service.domain.throttling import registration_gates
from auth_service.domain.tokens import BROWSER
from auth_service.pages.current import desk, let_in, next_path, visit
from auth_service.pages.forms import RegistrationForm, SignInForm, typed
from auth_service.usecases.sessions import (
    Opened,
    end_replaced_session,
    end_sessions,
    open_session,
)
from auth_service.usecases.signing_in import prove_password, sign_in
from auth_service.usecases.throttling import counted
from auth_service.usecases.users import examine, register
from shared.errors import Refusal
from shared.http.forms import Form, form_of
from shared.http.pages import begin, visitor
from shared.http.problems import headers_of, status_of

entrance = Blueprint("entrance", __name__, url_prefix="/account")


@entrance.route("/register", methods=["GET", "POST"])
def register_page() -> ResponseReturnValue:
    """Make an account, and be signed in."""
    form = form_of(RegistrationForm)
    if form.validate_on_submit():
        try:
            opened = _register(form)
        except Refusal as refusal:
            return _again("auth/register.html", form, refusal)
        if next_path().startswith("/account"):
            flash(f"Welcome, {opened.bearer.name}. Your account is ready.", "success")
        return let_in(opened, next_path())
    return _answer("auth/register.html", form)


@entrance.route("/sign-in", methods=["GET", "POST"])
def sign_in_page() -> ResponseReturnValue:
    """Sign in, and go on to where the visitor was heading."""
    if visitor().signed_in and request.method == "GET":
        return redirect(next_path(), 303)
    form = form_of(SignInForm)
    if form.validate_on_submit():
        try:
            proof = prove_password(desk(), typed(form.email), typed(form.password), visit())
            with begin() as work:
                end_replaced_session(work, visitor())
                opened = sign_in(work, desk(), proof, BROWSER, visit())
        except Refusal as refusal:
            return _again("auth/sign_in.html", form, refusal)
        return let_in(opened, next_path())
    return _answer("auth/sign_in.html", form)


@entrance.post("/sign-out")
def sign_out_page() -> ResponseReturnValue:
    """End the session; doing it twice does no harm."""
    who = visitor()
    if who.signed_in:
        with begin() as work:
            end_sessions(
                work, UserSession.id == UUID(who.session_id), UserSession.user_id == who.id
            )
    flash("You are signed out.", "success")
    response = redirect("/account/sign-in", 303)
    response.set_cookie(**no_session_cookie(desk().policy))
    return response


def _register(form: RegistrationForm) -> Opened:
    with counted(desk().transactions, registration_gates(visit().ip), EmailTaken):
        newcomer = examine(
            desk(), email=typed(form.email), name=typed(form.name), password=typed(form.password)
        )
        with begin() as work:
            user = register(work, newcomer)
            end_replaced_session(work, visitor())
            return open_session(work, desk(), user, BROWSER, visit())


def _again(template: str, form: Form, refusal: Refusal) -> ResponseReturnValue:
    """The form once more, saying what was wrong, with the status of the refusal."""
    form.refuse(refusal)
    return render_template(template, form=form), status_of(refusal), headers_of(refusal)


def _answer(template: str, form: Form) -> ResponseReturnValue:
    return render_template(template, form=form), 422 if form.errors else 200
