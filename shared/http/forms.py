"""Forms on pages: typed fields, and errors that name the field and say what to do about it.

    class AddressForm(Form):
        name = TextField("Full name", autocomplete="name", most=120)
        email = EmailField("E-mail address")
        note = LongTextField("Note", required=False, help="The carrier sees this.")

    form = form_of(AddressForm, obj=customer)
    if form.validate_on_submit(): …

Pages check the CSRF token of every form themselves (`shared.http.pages.guard`), and draw fields
with the macros in `quintet/fields.html`.
"""

from __future__ import annotations

from typing import Any, TypeVar

import wtforms
from flask import request
from werkzeug.datastructures import CombinedMultiDict

from shared.errors import Refusal
from shared.http.csrf import SAFE_METHODS
from shared.http.fields import (
    CheckField,
    ChoiceField,
    DateField,
    EmailField,
    HiddenField,
    LongTextField,
    MoneyField,
    PasswordField,
    PickField,
    TextField,
    UploadField,
    WholeNumberField,
    matching,
)

__all__ = [
    "CheckField",
    "ChoiceField",
    "DateField",
    "EmailField",
    "Form",
    "HiddenField",
    "LongTextField",
    "MoneyField",
    "PasswordField",
    "PickField",
    "TextField",
    "UploadField",
    "WholeNumberField",
    "form_of",
    "matching",
]

F = TypeVar("F", bound="Form")


class Form(wtforms.Form):
    """A form of this request; `validate_on_submit` is the only question a view has to ask."""

    def validate_on_submit(self) -> bool:
        """Whether this request sends the form, and everything in it is right."""
        return request.method not in SAFE_METHODS and self.validate()

    def refuse(self, refusal: Refusal) -> None:
        """Show a refusal at the fields it names, or above the form."""
        unplaced = dict(refusal.fields)
        for name in [name for name in unplaced if name in self._fields]:
            field = self._fields[name]
            field.errors = [*field.errors, unplaced.pop(name)]
        if unplaced or not refusal.fields:
            self.form_errors = [*self.form_errors, str(refusal)]


def form_of(form_class: type[F], *, obj: object = None, prefix: str = "", **initial: Any) -> F:
    """The form as this request sends it; on a first look filled from `obj` and `initial`."""
    sending = request.method not in SAFE_METHODS
    sent = CombinedMultiDict[str, Any]([request.files, request.form]) if sending else None
    return form_class(sent, obj=obj, prefix=prefix, **initial)
