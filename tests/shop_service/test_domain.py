"""The rules of the shop by themselves: no database, no clock, no framework."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.money import Money
from shop_service.domain import luhn
from shop_service.domain.addresses import is_email, is_plain_text, written_out
from shop_service.domain.cart import Cart, CartLine, Offer, OfferState
from shop_service.domain.checkout import Pace
from shop_service.domain.errors import CardRefused, LineUnavailable, MoveNotPossible, OutOfStock
from shop_service.domain.numbers import CROCKFORD, new_number, read_number
from shop_service.domain.order import MOVES, STATES, Move, Payment, State, Status, after
from shop_service.providers.test_payment import FATES, TestProvider

amounts = st.integers(min_value=0, max_value=10**9)
quantities = st.integers(min_value=1, max_value=99)
currencies = st.sampled_from(["EUR", "JPY", "KWD"])


def a_line(
    amount: int, quantity: int, currency: str = "EUR", *, cart: str = "", available: int = 99
) -> CartLine:
    price = Money(amount, currency)
    offer = Offer("sku", "slug", "Thing", "", price, OfferState.LISTED, available)
    return CartLine(offer, quantity, price, cart or currency)


@given(st.lists(st.tuples(amounts, quantities), max_size=30), currencies)
def test_a_total_is_the_sum_of_its_lines_to_the_last_minor_unit(
    lines: list[tuple[int, int]], currency: str
) -> None:
    cart = Cart(tuple(a_line(amount, quantity, currency) for amount, quantity in lines))

    expected = sum(amount * quantity for amount, quantity in lines)

    assert cart.total.amount == expected
    assert cart.count == sum(quantity for _, quantity in lines)
    assert not lines or cart.total.currency == currency


@given(st.lists(st.tuples(amounts, quantities), min_size=1, max_size=10))
def test_only_the_total_that_was_seen_is_charged(lines: list[tuple[int, int]]) -> None:
    cart = Cart(tuple(a_line(*line) for line in lines))

    cart.must_be_orderable(cart.total)

    with pytest.raises(Exception, match="the total is now"):
        cart.must_be_orderable(cart.total + Money(1, "EUR"))


@given(quantities, st.integers(min_value=0, max_value=200))
def test_a_line_is_in_trouble_exactly_when_there_are_too_few(wanted: int, left: int) -> None:
    cart = Cart((a_line(100, wanted, available=left),))

    if wanted <= left:
        cart.must_be_orderable(None)
    else:
        with pytest.raises(OutOfStock):
            cart.must_be_orderable(None)


def test_two_currencies_are_never_added_up() -> None:
    euros, yen = a_line(100, 1), a_line(500, 1, "JPY", cart="EUR")
    cart = Cart((euros, yen))

    assert cart.total == Money(100, "EUR")
    with pytest.raises(LineUnavailable, match="JPY"):
        cart.must_be_orderable(None)


def test_every_move_from_every_state_is_in_the_table_or_refused() -> None:
    for state, move in itertools.product(STATES, Move):
        if state in MOVES[move]:
            assert after(state, move) in STATES
        else:
            with pytest.raises(MoveNotPossible):
                after(state, move)


def test_states_that_are_not_in_the_table_cannot_be_left_or_reached() -> None:
    from shop_service.domain.order import Fulfilment

    strange = set(itertools.starmap(State, itertools.product(Status, Payment, Fulfilment)))
    strange -= set(STATES)

    assert len(strange) == 54 - len(STATES)
    assert not strange & {state for moves in MOVES.values() for state in moves.values()}
    for state, move in itertools.product(strange, Move):
        with pytest.raises(MoveNotPossible):
            after(state, move)


def test_no_path_leads_to_a_cancelled_order_that_keeps_a_payment() -> None:
    reachable = {STATES[0]}
    for _ in STATES:
        reachable |= {
            moves[state] for state in reachable for moves in MOVES.values() if state in moves
        }

    kept = {(state.status, state.payment) for state in reachable}
    assert reachable == set(STATES)
    assert (Status.CANCELLED, Payment.CAPTURED) not in kept
    assert (Status.CANCELLED, Payment.AUTHORISED) not in kept
    assert (Status.CONFIRMED, Payment.PENDING) not in kept


def test_order_numbers_are_different_and_read_back_however_they_are_typed() -> None:
    numbers = {new_number() for _ in range(1000)}

    assert len(numbers) == 1000
    for number in numbers:
        assert read_number(number) == number
        assert read_number(f" {number.lower().replace('-', ' ')} ") == number


@given(st.integers(0, 8), st.sampled_from(CROCKFORD))
def test_a_mistyped_order_number_is_noticed(place: int, other: str) -> None:
    plain = new_number().replace("-", "")
    typed = plain[:place] + other + plain[place + 1 :]

    assert (read_number(typed) is None) == (typed != plain)


@given(st.text())
def test_whatever_is_typed_is_a_number_or_not_but_never_a_crash(text: str) -> None:
    read = read_number(text)

    assert read is None or read_number(read) == read


@given(st.lists(st.integers(0, 9), min_size=1, max_size=18))
def test_the_check_digit_makes_any_digits_valid(digits: list[int]) -> None:
    assert luhn.is_valid([*digits, luhn.check_value(digits)])


def test_every_test_card_has_a_valid_number() -> None:
    for number in FATES:
        assert luhn.is_valid([int(digit) for digit in number])


@given(st.text(max_size=30))
def test_only_test_cards_become_tokens(text: str) -> None:
    provider = TestProvider(books=None)  # type: ignore[arg-type]  # a token needs no books

    with pytest.raises(CardRefused) as refused:
        provider.tokenise(text)

    assert refused.value.fields.keys() == {"payment.card"}


def test_a_token_tells_nothing_of_the_number_but_its_end() -> None:
    provider = TestProvider(books=None)  # type: ignore[arg-type]  # a token needs no books

    card = provider.tokenise(" 4242-4242-4242-4242 ")

    assert (card.brand, card.last4) == ("Visa", "4242")
    assert "4242" not in card.token


def test_pauses_grow_and_end() -> None:
    pace = Pace()

    pauses = [pace.pause(attempt) for attempt in range(1, 40)]

    assert pauses == sorted(pauses)
    assert pauses[-1] == pace.longest_pause


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("ada@example.com", True),
        ("ada+shop@mail.example.co.uk", True),
        ("ada@example", False),
        ("@example.com", False),
        ("ada@@example.com", False),
        ("a" * 250 + "@example.com", False),
        ("ada\n@example.com", False),
        ("ada@example.com\n", False),
    ],
)
def test_an_email_address_has_a_shape(text: str, fine: bool) -> None:
    assert is_email(text) is fine


@given(st.text())
def test_text_for_labels_can_be_stored_anywhere(text: str) -> None:
    if is_plain_text(text):
        assert "\x00" not in text
        text.encode()


def test_a_label_has_no_empty_lines() -> None:
    address = {"name": "Ada", "line1": "Elm Street 1", "city": "Kyiv", "country": "UA"}

    assert written_out(address) == ["Ada", "Elm Street 1", "Kyiv", "Ukraine"]
