"""Rules of identity, without any storage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from auth_service.domain.errors import (
    BeyondYourReach,
    EmailUnusable,
    NameUnusable,
    PasswordUnusable,
)
from auth_service.domain.passwords import check_password
from auth_service.domain.people import looked_up_email, tidy_email, tidy_name
from auth_service.domain.permissions import announced_by, check_reach, for_audiences
from auth_service.domain.sealing import CannotOpen, derived_key, seal, unseal
from auth_service.domain.throttling import Tries
from auth_service.domain.tokens import successor_of
from auth_service.domain.visits import Visit, device
from shared.identity import Principal

NOW = datetime(2026, 3, 14, 9, 26, tzinfo=UTC)


def test_an_address_has_one_form_however_it_is_written() -> None:
    written = ["Ada@Quintet.example", " ada@QUINTET.example ", "ADA@quintet.example"]

    assert {tidy_email(each) for each in written} == {"ada@quintet.example"}


@pytest.mark.parametrize(
    "written", ["", "ada", "ada@", "@x.example", "ada@x", "a b@x.example", "ada@x.example\x00"]
)
def test_what_is_no_address_is_refused_but_can_be_looked_up_in_vain(written: str) -> None:
    with pytest.raises(EmailUnusable):
        tidy_email(written)

    assert "\x00" not in looked_up_email(written)


@pytest.mark.parametrize("written", ["", "   ", "A" * 121, "Ada\x00", "Ada\x1b[31m", "\ud800"])
def test_a_name_can_be_printed(written: str) -> None:
    with pytest.raises(NameUnusable):
        tidy_name(written)


def test_a_name_keeps_its_letters_and_loses_its_extra_blanks() -> None:
    assert tidy_name("  Zoë\u00a0 van  der Ærø ") == "Zoë van der Ærø"


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "at least 8"),
        ("x" * 129, "at most 128"),
        ("password1", "easy to guess"),
        ("ada@quintet.example", "must not be your name"),
        ("Ada Lovelace", "must not be your name"),
        ("adalovelace", "must not be your name"),
        ("lovelace1", "easy to guess"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "easy to guess"),
    ],
)
def test_a_password_that_keeps_nobody_out_is_refused_with_advice(password: str, says: str) -> None:
    with pytest.raises(PasswordUnusable) as refused:
        check_password(password, email="ada@quintet.example", name="Ada Lovelace", least_score=2)

    assert says in refused.value.fields["password"]


@pytest.mark.parametrize("password", ["kettle moss lantern", "ключ мох фонарь", "x9$Kq" * 25])
def test_a_strong_password_needs_no_special_characters(password: str) -> None:
    check_password(password, email="ada@quintet.example", name="Ada", least_score=3)


def test_each_wrong_try_beyond_the_free_ones_doubles_the_wait() -> None:
    waits = [Tries(count, NOW).seconds_to_wait(5, NOW) for count in (0, 4, 5, 6, 7, 60)]

    assert waits == [0, 0, 1, 2, 4, 900]


def test_wrong_tries_are_forgiven_after_an_hour_of_peace() -> None:
    tries = Tries(40, NOW)

    later = tries.after_failure(NOW + timedelta(hours=2))

    assert later.failures == 1


def test_only_the_address_that_our_own_proxies_vouch_for_counts() -> None:
    ours = ("127.0.0.0/8", "10.0.0.0/8")
    forged = "6.6.6.6, 203.0.113.9, 10.0.0.7"

    behind = Visit.through(ours, "127.0.0.1", forged, "")
    direct = Visit.through(ours, "203.0.113.9", forged, "")
    nonsense = Visit.through(ours, "127.0.0.1", "not-an-address", "")

    assert (behind.ip, direct.ip, nonsense.ip) == ("203.0.113.9", "203.0.113.9", "127.0.0.1")


def test_a_device_is_named_in_words() -> None:
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"

    assert (device(firefox), device("curl/8"), device("")) == (
        "Firefox on Linux",
        "curl",
        "Unknown device",
    )


def test_a_service_can_announce_only_its_own_well_formed_permissions() -> None:
    said = {"shop.view_order": "See", "auth.change_user": "Grab", "shop.X": "Odd", "shop": "Odd"}

    assert announced_by("shop", said) == {"shop.view_order": "See"}


def test_a_token_names_only_the_permissions_its_audience_can_use() -> None:
    held = ("shop.view_order", "catalog.change_price", "auth.view_user")

    assert for_audiences(held, ["catalog"]) == ["catalog.change_price"]


def test_nobody_hands_out_what_they_do_not_hold() -> None:
    clerk = Principal(user_id=uuid4(), permissions=frozenset({"auth.change_user"}))

    with pytest.raises(BeyondYourReach, match=r"shop\.refund_order"):
        check_reach(clerk, ["auth.change_user", "shop.refund_order"])


def test_a_seal_opens_only_with_its_secret_and_under_its_label() -> None:
    key, other = derived_key("secret", "keys"), derived_key("secret", "other purpose")
    sealed = seal(key, "private", label="k1")

    assert unseal(key, sealed, label="k1") == "private"
    assert "private" not in sealed
    for wrong_key, wrong_label in ((other, "k1"), (key, "k2")):
        with pytest.raises(CannotOpen):
            unseal(wrong_key, sealed, label=wrong_label)


def test_the_successor_of_a_refresh_token_cannot_be_found_without_our_secret() -> None:
    ours, theirs = b"o" * 32, b"t" * 32

    assert successor_of("token", ours) == successor_of("token", ours)
    assert successor_of("token", ours) != successor_of("token", theirs)
