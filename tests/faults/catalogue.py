"""All scenarios."""

from __future__ import annotations

from tests.faults import (
    faults_broker,
    faults_databases,
    faults_messages,
    faults_processes,
    faults_upgrades,
)
from tests.faults.rounds import Scenario

ALL: list[Scenario] = [
    *faults_processes.SCENARIOS,
    *faults_messages.SCENARIOS,
    *faults_databases.SCENARIOS,
    *faults_broker.SCENARIOS,
    *faults_upgrades.SCENARIOS,
]


def scenarios_for(stack: str) -> list[Scenario]:
    """Those that apply to this stack."""
    return [each for each in ALL if stack in each.stacks]
