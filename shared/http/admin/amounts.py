"""An amount of money in a column of whole minor units: shown as €12.50, typed as 12.50."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette_admin.fields import StringField
from starlette_admin.types import RequestAction

from shared.http.typed import money_to_type, money_typed
from shared.money import Money

FORMS = (RequestAction.CREATE, RequestAction.EDIT)


class Typed(int):
    """Minor units that read as they were typed: a form with errors shows its values once more."""

    words = ""

    @classmethod
    def of(cls, money: Money) -> Typed:
        """The amount, with the words for it."""
        typed = cls(money.amount)
        typed.words = money_to_type(money)
        return typed

    def __str__(self) -> str:
        return self.words


@dataclass
class AmountField(StringField):
    """A column of whole minor units, all in one currency."""

    currency: str = "EUR"
    searchable: bool | None = False

    async def parse_form_data(self, request: Request, form_data: FormData) -> Any:
        """Whole minor units, or None for an empty field."""
        typed = str(form_data.get(self.id) or "").strip()
        if not typed:
            return None
        try:
            return Typed.of(money_typed(typed, self.currency))
        except ValueError:
            return typed

    async def validate(self, request: Request, value: Any, form_values: dict[str, Any]) -> None:
        """What could not be read is still text, and refused here."""
        if isinstance(value, str):
            raise ValueError(f"Enter an amount in {self.currency}, such as 12.50.")
        if value is None and self.required:
            raise ValueError("Enter an amount.")

    async def serialize_value(self, request: Request, value: Any) -> Any:
        """As people read it; in forms without the sign."""
        if isinstance(value, str):
            return value
        money = Money(int(value), self.currency)
        if request.state.action in FORMS:
            return money_to_type(money)
        return str(money)
