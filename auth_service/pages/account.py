"""The account: who you are here, and where you are signed in."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template
from flask.typing import ResponseReturnValue

from auth_service.db.sessions import sessions_of
from auth_service.db.users import user_by_id
from auth_service.domain.cookies import no_session_cookie
from auth_service.domain.visits import device
from auth_service.pages.current import desk, visit
from auth_service.pages.forms import FarewellForm, NameForm, PasswordForm, typed
from auth_service.usecases.leaving import erase_account
from auth_service.usecases.sessions import end_other_sessions, end_own_session
from auth_service.usecases.users import change_password, rename
from shared.errors import Refusal
from shared.http.forms import form_of
from shared.http.pages import begin, read, sign_in_required, visitor
from shared.http.problems import headers_of, status_of

account = Blueprint("account", __name__, url_prefix="/account")


@account.get("")
@account.get("/", strict_slashes=False)
@sign_in_required
def account_page() -> ResponseReturnValue:
    """Name, address, and every place where the account is in use."""
    with read() as work:
        user = user_by_id(work, visitor().id)
        sessions = sessions_of(work, user.id, desk().open_sessions())
        return render_template("auth/account.html", user=user, sessions=sessions, device=device)


@account.route("/name", methods=["GET", "POST"])
@sign_in_required
def name_page() -> ResponseReturnValue:
    """Be called otherwise."""
    form = form_of(NameForm, obj=visitor())
    if form.validate_on_submit():
        try:
            with begin() as work:
                rename(work, visitor().id, typed(form.name))
        except Refusal as refusal:
            form.refuse(refusal)
            return render_template("auth/name.html", form=form), status_of(refusal)
        flash("Your name is changed. Other pages show it within a few minutes.", "success")
        return redirect("/account", 303)
    return render_template("auth/name.html", form=form), 422 if form.errors else 200


@account.route("/password", methods=["GET", "POST"])
@sign_in_required
def password_page() -> ResponseReturnValue:
    """Another password; everybody else who is signed in with the old one is not any more."""
    form = form_of(PasswordForm)
    if form.validate_on_submit():
        try:
            ended = change_password(
                desk(),
                visitor(),
                current=typed(form.current),
                new=typed(form.password),
                visit=visit(),
            )
        except Refusal as refusal:
            form.refuse(refusal)
            page = render_template("auth/password.html", form=form)
            return page, status_of(refusal), headers_of(refusal)
        elsewhere = f" You were signed out in {ended} other places." if ended > 1 else ""
        elsewhere = " You were signed out in one other place." if ended == 1 else elsewhere
        flash(f"Your password is changed.{elsewhere}", "success")
        return redirect("/account", 303)
    return render_template("auth/password.html", form=form), 422 if form.errors else 200


@account.route("/leave", methods=["GET", "POST"])
@sign_in_required
def leave_page() -> ResponseReturnValue:
    """Erase the account, for good."""
    form = form_of(FarewellForm)
    if form.validate_on_submit():
        try:
            erase_account(desk(), visitor(), typed(form.current), visit())
        except Refusal as refusal:
            form.refuse(refusal)
            page = render_template("auth/leave.html", form=form)
            return page, status_of(refusal), headers_of(refusal)
        flash("Your account is erased. Farewell, and thank you.", "success")
        response = redirect("/account/sign-in", 303)
        response.set_cookie(**no_session_cookie(desk().policy))
        return response
    return render_template("auth/leave.html", form=form), 422 if form.errors else 200


@account.post("/sessions/<uuid:session_id>/end")
@sign_in_required
def session_end_page(session_id: UUID) -> ResponseReturnValue:
    """Sign out elsewhere."""
    with begin() as work:
        end_own_session(work, visitor().id, session_id)
    flash("That device is signed out.", "success")
    return redirect("/account", 303)


@account.post("/sessions/end-others")
@sign_in_required
def sessions_end_page() -> ResponseReturnValue:
    """Sign out everywhere but here."""
    with begin() as work:
        end_other_sessions(work, visitor().id, keep=visitor().session_id)
    flash("You are signed out everywhere else.", "success")
    return redirect("/account", 303)
