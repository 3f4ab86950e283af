"""Faults of our own processes: killed at the worst moment, stopped, doubled, upgraded."""

from __future__ import annotations

import signal
import time

from shared.failpoints import POINTS
from tests.faults.rig import BUS_SIDE, USUAL
from tests.faults.rounds import DRAINED_WITHIN, Round, Scenario
from tests.faults.shoppers import ANSWERS_LATE, NEVER_ANSWERS
from tests.system.shopper import DECLINED_CARD, GOOD_CARD

EXIT_WITHIN = 25.0
DIES_WITHIN = 8.0
FROZEN = 35  # longer than the relay's lease, and than the others, which we set
WHO_PASSES = {
    "work": ("shop", "shop-work", "catalog"),
    "relay": BUS_SIDE,
    "consumer": BUS_SIDE,
    "saga": ("shop-work",),
}
HOW_OFTEN = {"work": 120, "relay": 25, "consumer": 80, "saga": 25}


def kill_at(point: str) -> Scenario:
    """kill -9 when a process comes to this place for the nth time."""
    part = point.partition(".")[0]

    def act(round_: Round) -> None:
        victim = round_.dice.choice(WHO_PASSES[part])
        nth = round_.dice.randint(1, HOW_OFTEN[part])
        round_.wait_for_orders(0.05)
        with round_.fault(f"{victim} at {point}, time {nth}"):
            round_.rig.start_armed(victim, f"{point}:kill:{nth}")
            if not round_.wait_for_death(victim, DIES_WITHIN):
                round_.detail.append("never got there; killed anyhow")
            round_.rig.restart(victim)

    return Scenario(f"kill at {point}", (1,), act, short=point == "relay.after_publish")


def kill_loop(round_: Round) -> None:
    """One process after the other, without rest."""
    for _ in range(4):
        round_.wait_for_orders(0.02)
        victim = round_.dice.choice(["shop", "shop-work", "catalog", "gateway", "auth"])
        with round_.fault(f"kill -9 {victim}"):
            round_.rig.kill(victim)
            time.sleep(round_.dice.uniform(0.1, 0.8))
            round_.rig.start(victim)


def kill_all_at_once(round_: Round) -> None:
    """The power goes: everything of ours dies in the same moment."""
    round_.wait_for_orders(round_.dice.uniform(0.1, 0.6))
    with round_.fault("kill -9 of everything"):
        for name in USUAL:
            round_.rig.kill(name)
        time.sleep(0.3)
        round_.rig.start(*USUAL)


def polite_end(round_: Round) -> None:
    """SIGTERM under load: a quick exit, nothing dead, nothing lost."""
    for name in round_.dice.sample(["shop", "shop-work", "catalog"], 2):
        round_.wait_for_orders(round_.dice.uniform(0.1, 0.4))
        with round_.fault(f"SIGTERM {name}"):
            began = time.monotonic()
            code = round_.rig.end_politely(name, EXIT_WITHIN)
            took = time.monotonic() - began
            round_.expect(code == 0, f"{name} ended with {code} after {took:.1f} s")
            round_.rig.start(name)


def frozen_process(round_: Round) -> None:
    """A process stands still for a while, then goes on as if nothing had been."""
    round_.wait_for_orders(0.1)
    victim = round_.dice.choice(["shop-work", "catalog"])
    seconds = round_.dice.uniform(1.5, 4.0)
    with round_.fault(f"SIGSTOP {victim} for {seconds:.1f} s"):
        round_.rig.signal(victim, signal.SIGSTOP)
        time.sleep(seconds)
        round_.rig.signal(victim, signal.SIGCONT)


def frozen_with_partner(round_: Round) -> None:
    """A worker freezes for long: its partner takes over, its late words change nothing."""
    round_.counted = False  # a partner counts for itself
    round_.rig.start("shop-work-2")
    round_.wait_for_orders(0.1)
    with round_.fault(f"SIGSTOP shop-work for {FROZEN} s beside a partner"):
        round_.rig.signal("shop-work", signal.SIGSTOP)
        time.sleep(FROZEN)
        # A process that is frozen while it writes to SQLite keeps the file's lock: nobody can help.
        if round_.rig.stack == "real":
            alone = round_.eventually(lambda: _open(round_) == 0, within=DRAINED_WITHIN)
            round_.expect(alone, f"the partner left {_open(round_)} checkouts open")
        round_.rig.signal("shop-work", signal.SIGCONT)
    _end(round_, "shop-work-2")


def _open(round_: Round) -> int:
    rows = round_.rig.rows("shop", "SELECT count(*) FROM checkouts WHERE step <> 'done'")
    return int(str(rows[0][0]))


def many_workers(round_: Round) -> None:
    """Three workers of a service; one is killed, one is told to go."""
    round_.counted = False  # a partner counts for itself
    extra = ("shop-work-2", "shop-work-3", "catalog-work-2")
    round_.rig.start(*extra)
    round_.wait_for_orders(round_.dice.uniform(0.2, 0.5))
    with round_.fault("several workers; the first is killed"):
        first = round_.dice.choice(BUS_SIDE)
        round_.rig.kill(first)
        round_.wait_for_orders(0.8)
        round_.rig.start(first)
        _end(round_, *extra)


def two_servers(round_: Round) -> None:
    """A second process answers HTTP on the same database; neither relays."""
    round_.rig.start("shop-2")
    round_.crowd.doors["gateway"] = round_.rig.ports["shop-2"]
    with round_.fault("two shop servers; one is reloaded"):
        round_.wait_for_orders(round_.dice.uniform(0.3, 0.6))
        round_.rig.restart("shop-2")
        round_.wait_for_orders(1.0)
    _end(round_, "shop-2")


def wrong_clock(round_: Round) -> None:
    """A worker whose clock is an hour off does nothing before its time."""
    round_.ordered = False  # its inbox tells times that never were
    round_.wait_for_orders(0.1)
    hours = round_.dice.choice([-1, 1])
    victim = round_.dice.choice(BUS_SIDE)
    with round_.fault(f"clock of {victim} off by {hours} h"):
        round_.rig.restart(victim, QUINTET_CLOCK_OFFSET=str(3600 * hours))
        round_.wait_for_orders(1.0)
        time.sleep(1)
        round_.rig.restart(victim)
    late = round_.rig.rows(
        "shop", "SELECT count(*) FROM orders WHERE code IN ('stock-timeout', 'hold-expired')"
    )
    round_.expect(late[0][0] == 0, f"{late[0][0]} orders were cancelled by a clock that is wrong")


def bank_trouble(round_: Round) -> None:
    """Answers of the bank come late, twice, or never."""
    round_.counted = False  # a partner counts for itself
    round_.wait_for_orders(0.05)
    with round_.fault("slow answers, asked again by a second worker"):
        round_.rig.start("shop-work-2")
        round_.rig.restart("shop-work", QUINTET_FAILPOINTS="saga.after_reply:sleep:2500:7")
        round_.wait_for_orders(1.0)
        time.sleep(1)
        round_.rig.restart("shop-work")
        _end(round_, "shop-work-2")


def slow_handler(round_: Round) -> None:
    """Every event takes its time; nothing is dropped for it."""
    victim = round_.dice.choice(BUS_SIDE)
    with round_.fault(f"every event of {victim} takes 30 ms longer"):
        round_.rig.restart(victim, QUINTET_FAILPOINTS="consumer.after_inbox:sleep:30")
        round_.wait_for_orders(1.0)
        round_.rig.restart(victim)


def failing_handler(round_: Round) -> None:
    """Handlers that fail now and then: parked, tried again, applied once."""
    victim = round_.dice.choice(BUS_SIDE)
    nth = round_.dice.randint(5, 60)
    with round_.fault(f"event {nth} of {victim} fails"):
        round_.rig.restart(victim, QUINTET_FAILPOINTS=f"consumer.after_inbox:raise:{nth}")
        round_.wait_for_orders(1.0)


def rolling_restart(round_: Round) -> None:
    """Every service is replaced in turn, as a deployment does."""
    with round_.fault("rolling restart"):
        for name in ("catalog", "shop-work", "shop", "gateway", "auth"):
            code = round_.rig.end_politely(name, EXIT_WITHIN)
            # The gateway has nothing to put in order, so it may end by the signal itself.
            fine = (0, -signal.SIGTERM) if name == "gateway" else (0,)
            round_.expect(code in fine, f"{name} ended with {code}")
            round_.rig.start(name)


def backlog(round_: Round) -> None:
    """Nobody relays while all orders come in; then everything goes out at once."""
    with round_.fault("no worker until all orders are in"):
        round_.rig.kill("shop-work")
        round_.rig.kill("catalog")
        round_.wait_for_orders(1.0)
        round_.rig.start("catalog", "shop-work")


def _end(round_: Round, *names: str) -> None:
    for name in names:
        code = round_.rig.end_politely(name, EXIT_WITHIN)
        round_.expect(code == 0, f"{name} ended with {code}")


SCENARIOS = [
    *(kill_at(point) for point in sorted(POINTS)),
    Scenario("kill loop", (2,), kill_loop, pause=0.15, short=True),
    Scenario("kill everything", (2, 24), kill_all_at_once, pause=0.05),
    Scenario("sigterm under load", (3,), polite_end),
    Scenario("frozen process", (4,), frozen_process),
    Scenario(
        "frozen beside a partner", (4,), frozen_with_partner, most=2,
        rig={"lease": "5", "heartbeat": "5"},
    ),
    Scenario("several workers", (18,), many_workers),
    Scenario("two servers", (25,), two_servers),
    Scenario("wrong clock", (19,), wrong_clock),
    Scenario(
        "bank answers late, twice, never", (21,), bank_trouble,
        cards=(GOOD_CARD, DECLINED_CARD, ANSWERS_LATE, NEVER_ANSWERS), weights=(60, 5, 30, 5),
    ),
    Scenario("slow handler", (14,), slow_handler),
    Scenario("failing handler", (13,), failing_handler),
    Scenario("rolling restart", (22,), rolling_restart, pause=0.15),
    Scenario("backlog", (20,), backlog),
]  # fmt: skip
