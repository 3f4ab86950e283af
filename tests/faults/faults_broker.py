"""Faults of the broker and of the road to it. RabbitMQ only: the embedded bus is a file."""

from __future__ import annotations

import signal
import time

from tests.faults.facts import queue_depths
from tests.faults.rounds import Round, Scenario
from tests.faults.servers import Broker

PLENTY_OF_DISK = str(1 << 50)
USUAL_DISK = "50000000"
BACK_WITHIN = 40.0


def _broker(round_: Round) -> Broker:
    broker = round_.rig.servers_used.broker
    assert broker is not None
    return broker


def _consumers_come_back(round_: Round) -> None:
    """After every fault of a connection, whoever listened before listens again."""

    def all_listen() -> bool:
        try:
            return set(queue_depths(round_.rig)[1].values()) == {1}
        except Exception:  # the broker is on its way up
            return False

    back = round_.eventually(all_listen, within=BACK_WITHIN)
    round_.expect(back, f"consumers did not come back within {BACK_WITHIN:.0f} s")


def frozen_broker(round_: Round) -> None:
    """The broker stands still: no error, no answer."""
    round_.wait_for_orders(0.1)
    seconds = round_.dice.uniform(2, 7)
    with round_.fault(f"SIGSTOP broker for {seconds:.1f} s"):
        _broker(round_).signal(signal.SIGSTOP)
        time.sleep(seconds)
        _broker(round_).signal(signal.SIGCONT)
    _consumers_come_back(round_)


def broker_away(seconds: float, how: str) -> Scenario:
    """No broker for a long time: orders are taken all the while, and nobody of ours restarts."""

    def act(round_: Round) -> None:
        pids = dict(round_.rig.all_pids())
        round_.wait_for_orders(0.05)
        with round_.fault(f"{how} broker for {seconds:.0f} s"):
            _take_away(_broker(round_), how)
            before, began = round_.orders_taken(), time.monotonic()
            while time.monotonic() - began < seconds:
                time.sleep(0.5)
            taken = round_.orders_taken() - before
            round_.detail.append(f"{taken} orders taken meanwhile")
            round_.expect(taken >= 20, f"only {taken} orders were taken without a broker")
            _bring_back(_broker(round_), how)
        _consumers_come_back(round_)
        round_.expect(pids == dict(round_.rig.all_pids()), "a process of ours was restarted")

    name = f"broker away for {seconds:.0f} s ({how})"
    return Scenario(name, (5, 6), act, ("real",), pause=seconds / 34, most=1)


def _take_away(broker: Broker, how: str) -> None:
    if how == "kill -9":
        broker.signal(signal.SIGKILL)
    elif how == "SIGSTOP":
        broker.signal(signal.SIGSTOP)
    else:
        broker.ctl("stop_app")


def _bring_back(broker: Broker, how: str) -> None:
    if how == "kill -9":
        broker.start()
    elif how == "SIGSTOP":
        broker.signal(signal.SIGCONT)
    else:
        broker.ctl("start_app")
        broker.wait()


def stopped_application(round_: Round) -> None:
    """stop_app and start_app, as an upgrade of the broker does."""
    round_.wait_for_orders(0.1)
    with round_.fault("stop_app, start_app"):
        _take_away(_broker(round_), "stop_app")
        time.sleep(round_.dice.uniform(0, 2))
        _bring_back(_broker(round_), "stop_app")
    _consumers_come_back(round_)


def killed_broker(round_: Round) -> None:
    """kill -9 with messages in its queues, then start again."""
    round_.wait_for_orders(0.1)
    with round_.fault("kill -9 broker"):
        _take_away(_broker(round_), "kill -9")
        time.sleep(round_.dice.uniform(0, 1.5))
        _bring_back(_broker(round_), "kill -9")
    _consumers_come_back(round_)


def closed_connections(round_: Round) -> None:
    """Every connection is closed from the broker's side, again and again."""
    round_.wait_for_orders(0.05)
    with round_.fault("close_all_connections, 3 times"):
        for _ in range(3):
            _broker(round_).ctl("close_all_connections", "fault test")
            time.sleep(round_.dice.uniform(0.2, 1))
    _consumers_come_back(round_)


def some_connections(round_: Round) -> None:
    """Half of the connections are closed: a publisher here, a consumer there."""
    round_.wait_for_orders(0.1)
    with round_.fault("close half of the connections"):
        pids = _broker(round_).ctl("list_connections", "pid").split("\n")
        pids = [pid for pid in pids if pid.startswith("<")]
        for pid in round_.dice.sample(pids, max(1, len(pids) // 2)):
            _broker(round_).ctl("close_connection", pid, "fault test")
    _consumers_come_back(round_)


def memory_alarm(round_: Round) -> None:
    """The broker takes no more messages; consumers go on, the outbox grows, then all drains."""
    round_.wait_for_orders(0.1)
    with round_.fault("memory alarm"):
        _broker(round_).ctl("set_vm_memory_high_watermark", "0.000001")
        time.sleep(round_.dice.uniform(2, 5))
        _broker(round_).ctl("set_vm_memory_high_watermark", "0.4")


def disk_alarm(round_: Round) -> None:
    """The same, for want of disk."""
    round_.wait_for_orders(0.1)
    with round_.fault("disk alarm"):
        _broker(round_).ctl("set_disk_free_limit", PLENTY_OF_DISK)
        time.sleep(round_.dice.uniform(2, 5))
        _broker(round_).ctl("set_disk_free_limit", USUAL_DISK)


def closed_door(round_: Round) -> None:
    """No new connections, and the old ones are closed."""
    round_.wait_for_orders(0.1)
    with round_.fault("suspend_listeners and close all"):
        _broker(round_).ctl("suspend_listeners")
        _broker(round_).ctl("close_all_connections", "fault test")
        time.sleep(round_.dice.uniform(1, 3))
        _broker(round_).ctl("resume_listeners")
    _consumers_come_back(round_)


def full_queue(round_: Round) -> None:
    """The queue refuses: the relay is told no, keeps the rows, and keeps their order."""
    with round_.fault("queue with room for 5, its reader away"):
        rig, broker = round_.rig, _broker(round_)
        rig.signal("shop-work", signal.SIGSTOP)
        limit = '{"max-length": 5, "overflow": "reject-publish"}'
        broker.ctl("set_policy", "-p", rig.vhost, "small", "^quintet.shop$", limit, "--apply-to", "queues")  # fmt: skip
        round_.wait_for_orders(0.6)
        time.sleep(1)
        rig.signal("shop-work", signal.SIGCONT)
        round_.wait_for_orders(0.8)
        broker.ctl("clear_policy", "-p", rig.vhost, "small")


def bad_road(round_: Round) -> None:
    """Slow, deaf, reset and half-closed, in turn."""
    proxy = round_.rig.bus_proxy
    assert proxy is not None
    round_.wait_for_orders(0.05)
    with round_.fault("slow, deaf, reset and half-closed road to the broker"):
        proxy.delay = round_.dice.uniform(0.01, 0.08)
        time.sleep(1)
        proxy.delay, proxy.deaf = 0.0, True
        time.sleep(round_.dice.uniform(1, 3))
        proxy.deaf = False
        proxy.reset()
        time.sleep(0.5)
        proxy.half_close()
        proxy.refusing = True
        time.sleep(1)
        proxy.heal()
    _consumers_come_back(round_)


def cut_confirms(round_: Round) -> None:
    """The connection dies after a publish and before its confirm: sent, and nobody knows."""
    proxy = round_.rig.bus_proxy
    assert proxy is not None
    cuts = proxy.cuts
    with round_.fault("cut between publish and confirm, 6 times"):
        proxy.cut(6)
        round_.wait_for_orders(1.0)
        time.sleep(1)
        proxy.heal()
    round_.detail.append(f"{proxy.cuts - cuts} cuts")
    round_.expect(proxy.cuts > cuts, "nothing was cut")
    _consumers_come_back(round_)


def slow_beyond_heartbeat(round_: Round) -> None:
    """One event takes longer than five heartbeats; the connection stays."""
    with round_.fault("an event of 12 s, heartbeat 2 s"):
        round_.rig.restart("shop-work", QUINTET_FAILPOINTS="consumer.after_inbox:sleep:12000:9")
        round_.wait_for_orders(1.0)
        time.sleep(12)
        round_.rig.restart("shop-work")


def _real(name: str, fault: int, act: object, **more: object) -> Scenario:
    return Scenario(name, (fault,), act, ("real",), **more)  # type: ignore[arg-type]


SCENARIOS = [
    _real("frozen broker", 5, frozen_broker, pause=0.05),
    broker_away(40, "stop_app"),
    broker_away(40, "SIGSTOP"),
    broker_away(40, "kill -9"),
    _real("broker stop_app, start_app", 6, stopped_application, pause=0.05),
    _real("broker kill -9", 6, killed_broker, pause=0.05),
    _real("all connections closed", 7, closed_connections, pause=0.05, short=True),
    _real("half of the connections closed", 7, some_connections),
    _real("memory alarm", 8, memory_alarm, pause=0.05),
    _real("disk alarm", 8, disk_alarm, pause=0.05),
    _real("listeners suspended", 9, closed_door, pause=0.05),
    _real("full queue refuses", 15, full_queue),
    _real("bad road to the broker", 7, bad_road, rig={"proxied": "bus"}, pause=0.05),
    _real("cut between publish and confirm", 1, cut_confirms, rig={"proxied": "bus"}),
    _real(
        "handler slower than five heartbeats", 14, slow_beyond_heartbeat, most=2,
        rig={"heartbeat": "2"},
    ),
]  # fmt: skip
