"""The forms that people fill in here."""

from __future__ import annotations

import wtforms

from auth_service.domain.passwords import LONGEST, SHORTEST
from auth_service.domain.people import LONGEST_NAME
from shared.http.forms import EmailField, Form, PasswordField, TextField

ADVICE = f"At least {SHORTEST} characters. Three or four unrelated words are strong."


class RegistrationForm(Form):
    """Somebody who wants an account."""

    name = TextField("Your name", autocomplete="name", most=LONGEST_NAME)
    email = EmailField()
    password = PasswordField(
        autocomplete="new-password", help=ADVICE, minlength=SHORTEST, maxlength=LONGEST
    )


class SignInForm(Form):
    """Somebody who has one."""

    email = EmailField(autocomplete="username")
    password = PasswordField()


class NameForm(Form):
    """Another name."""

    name = TextField("Your name", autocomplete="name", most=LONGEST_NAME)


class PasswordForm(Form):
    """Another password; the present one proves that nobody else sits at this screen."""

    current = PasswordField("Present password")
    password = PasswordField(
        "New password",
        autocomplete="new-password",
        help=ADVICE,
        minlength=SHORTEST,
        maxlength=LONGEST,
    )


class FarewellForm(Form):
    """The end of an account."""

    current = PasswordField("Your password")


def typed(field: wtforms.Field) -> str:
    """What somebody typed into a field."""
    return str(field.data or "")
