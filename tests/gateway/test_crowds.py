"""Crowds and large bodies, small: `make stress-gateway` plays the same with thousands and gigabytes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.crowds.bulk import download, upload
from tests.benchmarks.crowds.crowd import EVENTS, LARGE, LIVE, gather_crowd
from tests.benchmarks.crowds.rig import Rig, rig

MIB = 1 << 20


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder: Path = tmp_path_factory.mktemp("crowds")
    with rig(folder) as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize(
    ("who", "request_head", "until"), [("events", EVENTS, b"hello"), ("sockets", LIVE, b"\r\n\r\n")]
)
def test_an_idle_client_costs_little_and_others_nothing(
    running: Rig, who: str, request_head: bytes, until: bytes
) -> None:
    cost = asyncio.run(gather_crowd(running, 1000, request_head, until))

    assert cost.kib_per_client < 40, who
    assert cost.others_failed == 0, who
    assert cost.left_open == 0, who


@pytest.mark.slow
def test_a_client_that_does_not_read_keeps_a_bounded_part_of_its_answer_waiting(
    running: Rig,
) -> None:
    cost = asyncio.run(gather_crowd(running, 30, LARGE, b"\r\n\r\n", deaf=True))

    assert cost.kib_per_client < 1500
    assert cost.others_failed == 0
    assert cost.left_open == 0


@pytest.mark.slow
def test_large_bodies_pass_and_are_not_kept(running: Rig) -> None:
    up = asyncio.run(upload(running, 256 * MIB))
    down = asyncio.run(download(running, 256 * MIB))

    assert up.most_kept < 24 * MIB
    assert down.most_kept < 24 * MIB
