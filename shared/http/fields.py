"""The fields of forms: what people type becomes a value, or a sentence that says what is wrong.

Every field takes `required=False`, `help="…"`, `missing="…"` (the words when it is left empty),
and any other keyword as an attribute of its input: `autocomplete="email"`, `placeholder="…"`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

import wtforms
from wtforms import validators
from wtforms.form import BaseForm
from wtforms.widgets import NumberInput

from shared.http.typed import money_to_type, money_typed
from shared.money import Money

EMAIL = r"[^@\s\"<>(),;:\\]+@[^@\s.]+(\.[^@\s.]+)+"
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
# What WTForms itself takes; all other keywords of a field become attributes of its input.
TAKEN = {"default", "filters", "id", "name", "render_kw", "widget"}

Check = Callable[[wtforms.Form, wtforms.Field], None]
Checks = Iterable[Check]
Choices = Iterable[tuple[str, str]]


class TextField(wtforms.StringField):
    """One line of text, without the blanks around it."""

    def __init__(
        self, label: str = "", checks: Checks = (), *, least: int = 0, most: int = 200, **more: Any
    ) -> None:
        super().__init__(label, **_settled(more, _length(least, most), *checks))

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take what was typed, trimmed; characters nobody can type are dropped."""
        if valuelist:
            self.data = CONTROL.sub("", str(valuelist[0])).replace("\r\n", "\n").strip()


class LongTextField(TextField):
    """Several lines of text."""

    widget = wtforms.widgets.TextArea()

    def __init__(self, label: str = "", checks: Checks = (), **more: Any) -> None:
        super().__init__(label, checks, **{"most": 5000, **more})


class EmailField(TextField):
    """An e-mail address, roughly checked: only a mail that arrives proves one."""

    widget = wtforms.widgets.EmailInput()

    def __init__(self, label: str = "E-mail address", checks: Checks = (), **more: Any) -> None:
        form = matching(EMAIL, "it looks like name@example.com.")
        super().__init__(label, [form, *checks], **{"autocomplete": "email", "most": 254, **more})


class PasswordField(wtforms.PasswordField):
    """A password, taken exactly as typed and never sent back to the page."""

    def __init__(self, label: str = "Password", checks: Checks = (), **more: Any) -> None:
        more.setdefault("autocomplete", "current-password")
        super().__init__(label, **_settled(more, _length(0, 1000), *checks))


class HiddenField(wtforms.HiddenField):
    """A value the page carries along. It comes back from the browser: check it like any other."""


class WholeNumberField(wtforms.IntegerField):
    """A whole number within a range."""

    widget = NumberInput()

    def __init__(
        self,
        label: str = "",
        checks: Checks = (),
        *,
        least: int | None = None,
        most: int | None = 1_000_000_000,
        **more: Any,
    ) -> None:
        more.setdefault("inputmode", "numeric")
        super().__init__(label, **_settled(more, _between(least, most), *checks))

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read the number; a minus, digits, nothing else."""
        self.data = None
        typed = str(valuelist[0]).strip() if valuelist else ""
        if not typed:
            return
        if not re.fullmatch(r"-?[0-9]{1,18}", typed):
            raise ValueError(f"{_label(self)} must be a whole number, such as 3.")
        self.data = int(typed)


class MoneyField(wtforms.Field):
    """An amount in one currency, typed as people write it: 12.50, 12,50 or €12.50."""

    widget = wtforms.widgets.TextInput()
    data: Money | None

    def __init__(
        self, label: str = "", checks: Checks = (), *, currency: str = "EUR", **more: Any
    ) -> None:
        self.currency = currency
        more.setdefault("inputmode", "decimal")
        super().__init__(label, **_settled(more, _not_negative, *checks))

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        if self.data is None:
            return ""
        return money_to_type(self.data)

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read the amount; more decimals than the currency has are refused, not rounded."""
        self.data = None
        typed = str(valuelist[0]).strip() if valuelist else ""
        if not typed:
            return
        try:
            self.data = money_typed(typed, self.currency)
        except ValueError:
            raise ValueError(
                f"{_label(self)} must be an amount in {self.currency}, such as 12.50."
            ) from None


class ChoiceField(wtforms.SelectField):
    """One of many, from a list that opens. Choices are pairs of value and words."""

    def __init__(
        self,
        label: str = "",
        choices: Choices = (),
        checks: Checks = (),
        **more: Any,
    ) -> None:
        super().__init__(
            label, choices=_by_value(choices), **_settled(more, *checks, verb="Choose")
        )

    def pre_validate(self, form: BaseForm) -> None:
        """Only what is offered can be chosen; an empty choice is the required check's matter."""
        if self.data and self.data not in {choice[0] for choice in self.iter_choices()}:
            raise validators.StopValidation(f"{_label(self)}: choose one from the list.")


class PickField(wtforms.RadioField):
    """One of a few, all in sight. Choices are pairs of value and words."""

    validate_choice = False

    def __init__(self, label: str = "", choices: Choices = (), **more: Any) -> None:
        super().__init__(label, choices=_by_value(choices), **_settled(more, verb="Choose"))

    def pre_validate(self, form: BaseForm) -> None:
        """Only what is offered can be picked."""
        if self.data and self.data not in {choice[0] for choice in self.iter_choices()}:
            raise validators.StopValidation(f"{_label(self)}: choose one of these.")


class CheckField(wtforms.BooleanField):
    """A box to tick. With required=True it must be ticked."""

    def __init__(self, label: str = "", checks: Checks = (), **more: Any) -> None:
        super().__init__(label, **_settled({"required": False, **more}, *checks, verb="Tick"))


class DateField(wtforms.DateField):
    """A day."""

    data: date | None

    def __init__(self, label: str = "", checks: Checks = (), **more: Any) -> None:
        super().__init__(label, **_settled(more, *checks))

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read the day as browsers send it."""
        self.data = None
        if valuelist and str(valuelist[0]).strip():
            try:
                self.data = date.fromisoformat(str(valuelist[0]).strip())
            except ValueError:
                raise ValueError(f"{_label(self)} must be a day, such as 2027-01-31.") from None


class UploadField(wtforms.FileField):
    """A file from the visitor's device: a werkzeug FileStorage, or None."""

    def __init__(self, label: str = "", checks: Checks = (), **more: Any) -> None:
        super().__init__(label, **_settled(more, *checks, verb="Choose"))

    def process_formdata(self, valuelist: list[Any]) -> None:
        """A file without a name is how browsers say that none was chosen."""
        self.data = next((each for each in valuelist if getattr(each, "filename", "")), None)
        self.raw_data = [self.data.filename] if self.data else []


def matching(pattern: str, words: str) -> Check:
    """The text must match all of `pattern`; `words` say what is expected."""
    compiled = re.compile(pattern)

    def check(form: wtforms.Form, field: wtforms.Field) -> None:
        if field.data and not compiled.fullmatch(field.data):
            raise validators.ValidationError(f"{_label(field)}: {words}")

    return check


class _FilledIn:
    """The field must not be left empty."""

    field_flags = {"required": True}

    def __init__(self, verb: str, words: str) -> None:
        self._verb, self._words = verb, words

    def __call__(self, form: wtforms.Form, field: wtforms.Field) -> None:
        empty = field.data is None or field.data is False or field.data == ""
        if not empty or field.process_errors:
            return
        raise validators.StopValidation(self._words or _missing(self._verb, _label(field)))


def _settled(more: dict[str, Any], *checks: Check, verb: str = "Enter") -> dict[str, Any]:
    """The keywords for WTForms: ours turned into validators, attributes and a description."""
    missing, text = more.pop("missing", ""), more.pop("help", "")
    needed = more.pop("required", True)
    first = _FilledIn(verb, missing) if needed else validators.Optional()
    ours = {name for name in more if not name.startswith("_") and name not in TAKEN}
    attributes = {name: more.pop(name) for name in ours}
    return {
        **more,
        "validators": [first, *checks],
        "description": text,
        "render_kw": {**attributes, **(more.pop("render_kw", None) or {})},
    }


def _by_value(choices: Choices) -> Any:
    """WTForms wants {value: words}; a field whose choices come later starts without any."""
    return dict(choices)


def _length(least: int, most: int) -> Check:
    def check(form: wtforms.Form, field: wtforms.Field) -> None:
        size, name = len(field.data or ""), _label(field)
        if size > most:
            raise validators.ValidationError(
                f"{name} is too long: at most {most:,} characters, these are {size:,}."
            )
        if size < least:
            raise validators.ValidationError(f"{name} is too short: at least {least} characters.")

    return check


def _between(least: int | None, most: int | None) -> Check:
    def check(form: wtforms.Form, field: wtforms.Field) -> None:
        if field.data is None:
            return
        if least is not None and field.data < least:
            raise validators.ValidationError(f"{_label(field)} must be at least {least:,}.")
        if most is not None and field.data > most:
            raise validators.ValidationError(f"{_label(field)} must be at most {most:,}.")

    return check


def _not_negative(form: wtforms.Form, field: wtforms.Field) -> None:
    if field.data is not None and field.data.amount < 0:
        raise validators.ValidationError(f"{_label(field)} must not be negative.")


def _label(field: wtforms.Field) -> str:
    return str(field.label.text)


def _missing(verb: str, label: str) -> str:
    if verb == "Tick":
        return f"Tick the box “{label}”."
    plain = label if label[1:2].isupper() else label[:1].lower() + label[1:]
    return f"{verb} {plain if plain.startswith('your ') else 'the ' + plain}."
