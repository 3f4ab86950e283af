"""Fail points: nothing happens by itself, and nothing at all where it would hurt."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from shared import failpoints
from shared.failpoints import Tripped, reached
from tests.shared.conftest import Settings


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


def test_an_unarmed_place_does_nothing() -> None:
    reached("work.before_commit")


def test_a_place_fails_only_the_time_it_was_told_to() -> None:
    failpoints.arm("relay.after_claim:raise:2")

    reached("relay.after_claim")
    reached("relay.after_confirm")
    with pytest.raises(Tripped, match=r"relay\.after_claim"):
        reached("relay.after_claim")
    reached("relay.after_claim")


def test_a_place_fails_only_with_the_thing_it_was_told_to() -> None:
    failpoints.arm("consumer.after_inbox@this:raise")

    reached("consumer.after_inbox")
    reached("consumer.after_inbox", "that")
    for _ in range(2):
        with pytest.raises(Tripped):
            reached("consumer.after_inbox", "this")


def test_a_place_without_a_number_delays_every_time() -> None:
    failpoints.arm("work.after_commit:sleep:20")

    started = time.perf_counter()
    reached("work.after_commit")
    reached("work.after_commit")

    assert time.perf_counter() - started >= 0.04


def test_a_killed_process_has_no_time_to_tidy_up() -> None:
    code = (
        "import atexit; from shared import failpoints; atexit.register(print, 'tidy');"
        "failpoints.arm('consumer.after_ack:kill'); failpoints.reached('consumer.after_ack')"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert done.returncode == -9
    assert done.stdout == b""


@pytest.mark.parametrize(
    "text", ["relay.nowhere:kill", "relay.nowhere@id:kill", "relay.after_claim", "work.before_commit:sleep", "work.before_commit:sleep:x", "work.before_commit:kill:1:2"]
)  # fmt: skip
def test_what_cannot_be_understood_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match=r"relay\.|work\."):
        Settings(_env_file=None, failpoints=text)


@pytest.mark.parametrize("asked", [{"failpoints": "work.before_commit:kill"}, {"clock_offset": 5}])
def test_production_settings_refuse_to_fail_on_purpose(asked: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="on purpose"):
        Settings(_env_file=None, debug=False, secret_key="h" * 40, **asked)  # type: ignore[arg-type]
