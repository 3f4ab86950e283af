"""What is due by itself is done, all of it, and not more often than it must be."""

from __future__ import annotations

import pytest

from shared.jobs import hourly


def test_an_hourly_clean_up_goes_on_until_nothing_is_left_and_then_rests() -> None:
    batches = [1000, 1000, 7, 0]
    clean_up = hourly(lambda: batches.pop(0))

    done = [clean_up() for _ in range(6)]

    assert done == [1000, 1000, 7, 0, 0, 0]


def test_an_hourly_clean_up_that_failed_is_not_put_off_for_an_hour() -> None:
    batches = [1000]
    clean_up = hourly(lambda: batches.pop(0))

    clean_up()
    with pytest.raises(IndexError):
        clean_up()
    batches.append(7)

    assert clean_up() == 7
