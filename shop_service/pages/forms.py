"""The form at the till."""

from __future__ import annotations

from typing import Any

from shared.errors import Refusal
from shared.http.forms import ChoiceField, EmailField, Form, HiddenField, TextField
from shop_service.domain.countries import COUNTRIES

CHOICES = [("", "Choose…"), *COUNTRIES.items()]
ADDRESS = ("name", "line1", "line2", "postal_code", "city", "country")


class CardField(TextField):
    """A card number. It is never sent back to the page, not even to correct it."""

    def _value(self) -> str:
        return ""


class CheckoutForm(Form):
    """Where it goes, and how it is paid."""

    email = EmailField("E-mail address", help="We write to you about this order only.")
    name = TextField("Full name", autocomplete="name")
    line1 = TextField("Street and number", autocomplete="address-line1")
    line2 = TextField("Flat, floor, company", required=False, autocomplete="address-line2")
    postal_code = TextField("Postcode", autocomplete="postal-code", most=40)
    city = TextField("Town or city", autocomplete="address-level2")
    country = ChoiceField("Country", CHOICES, autocomplete="country")
    card = CardField(
        "Card number",
        most=40,
        inputmode="numeric",
        autocomplete="cc-number",
        placeholder="4242 4242 4242 4242",
    )
    key = HiddenField()  # the same for every try of this page: one order, however often it is sent
    expected = HiddenField()  # the total that this page showed

    def address(self) -> dict[str, Any]:
        """What goes onto the parcel."""
        said = {name: self[name].data for name in ADDRESS}
        return {name: value for name, value in said.items() if value}

    def explain(self, refusal: Refusal) -> None:
        """Show a refusal where the shopper can do something about it."""
        named = {name.rpartition(".")[2]: words for name, words in refusal.fields.items()}
        refusal.fields = {name: words for name, words in named.items() if name in self._fields}
        self.refuse(refusal)
