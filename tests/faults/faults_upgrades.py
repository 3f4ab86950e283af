"""Two releases at once: the next one is rolled out, or taken back, while everybody shops."""

from __future__ import annotations

from pathlib import Path

from tests.faults.releases import NEW_TYPES, make_next_release
from tests.faults.rounds import Round, Scenario
from tests.system.platform import ROOT

EXIT_WITHIN = 25.0
TOGETHER = 6  # orders for each pair of processes
# Which process of the new release starts beside which of the old one, before that one leaves.
BESIDE = {"shop": ("shop-work-2", "shop-work"), "catalog": ("catalog-work-2", "catalog")}


def rolled_out(round_: Round) -> None:
    """The tables grow under the old code; then each process of the next release joins its elder."""
    with round_.fault("the next release beside the old one"):
        round_.wait_for_orders(0.05)
        _migrate(round_, _next(round_))
        _roll(round_, _next(round_))
        _replace_the_server(round_)
    _expect_the_next_release(round_)


def taken_back(round_: Round) -> None:
    """The next release comes, is taken back on tables that have grown, and comes again."""
    with round_.fault("the next release comes, goes and comes"):
        round_.wait_for_orders(0.05)
        _migrate(round_, _next(round_))
        _roll(round_, _next(round_))
        _roll(round_, ROOT)
        _roll(round_, _next(round_))
    _expect_the_next_release(round_)


def _next(round_: Round) -> Path:
    return make_next_release(round_.rig.servers_used.folder / "next-release")


def _migrate(round_: Round, code: Path) -> None:
    round_.rig.code = code
    round_.rig.manage("shop", "migrate")
    round_.rig.code = ROOT


def _roll(round_: Round, code: Path) -> None:
    """Replace the workers of shop and catalog; which service is first is the dice's choice."""
    rig = round_.rig
    rig.code = code
    services = round_.dice.sample(sorted(BESIDE), len(BESIDE))
    round_.detail.append(f"{' then '.join(services)} to {'this' if code == ROOT else 'the next'}")
    for service in services:
        extra, usual = BESIDE[service]
        rig.start(extra)
        _let_some_order(round_)
        _end(round_, usual)
        rig.start(usual)
        _end(round_, extra)


def _replace_the_server(round_: Round) -> None:
    """Two releases answer the same shoppers; then the old one goes."""
    rig, doors = round_.rig, round_.crowd.doors
    rig.start("shop-2")
    doors["gateway"] = rig.ports["shop-2"]
    _let_some_order(round_)
    _end(round_, "shop")
    rig.start("shop")
    doors["gateway"] = rig.ports["gateway"]
    _end(round_, "shop-2")


def _let_some_order(round_: Round) -> None:
    """While old and new work side by side."""
    wanted = round_.orders_taken() + TOGETHER
    round_.eventually(lambda: round_.orders_taken() >= wanted, within=20)


def _expect_the_next_release(round_: Round) -> None:
    """From now on this platform is another; what is new is heard wholly, however late."""
    round_.crowd.pause = 0.0
    round_.ordered = False  # what one release passes by, the other hears once more
    round_.counted = False
    round_.rig.spent = True
    for service, types in NEW_TYPES.items():
        round_.heard_by[service] |= types
    said = "SELECT count(*) FROM outbox WHERE type = 'catalog.parcel.planned.v1'"
    count = int(str(round_.rig.rows("catalog", said)[0][0]))
    round_.expect(count > 0, "the next release never said anything new")
    round_.detail.append(f"{count} parcels planned")


def _end(round_: Round, name: str) -> None:
    code = round_.rig.end_politely(name, EXIT_WITHIN)
    round_.expect(code == 0, f"{name} ended with {code}")


SCENARIOS = [
    Scenario("next release rolled out", (22,), rolled_out, pause=2.0),
    Scenario("next release taken back", (22,), taken_back, pause=5.0),
]
