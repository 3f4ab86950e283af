"""What is particular to the bus in a file."""

from __future__ import annotations

import resource
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shared.bus import connect
from shared.bus.embedded.bells import Bells
from shared.bus.protocol import Message, Outcome
from tests.shared.bus.wires import Wire, bodies, eventually, receive


def test_a_message_everybody_acknowledged_leaves_nothing_behind(embedded: Wire) -> None:
    bus = embedded.bus()
    stock = bus.subscribe(embedded.queue, [embedded.placed])
    mail = bus.subscribe(embedded.other_queue, [embedded.placed])
    bus.publisher().publish(embedded.orders(20))

    receive(stock, 20)
    kept = rows_of(embedded, "messages")
    receive(mail, 20)

    assert kept == 20
    assert rows_of(embedded, "messages") == rows_of(embedded, "deliveries") == 0


def test_one_consumer_works_a_queue_at_a_time_and_the_next_takes_over(embedded: Wire) -> None:
    bus = embedded.bus()
    one, two = (bus.subscribe(embedded.queue, [embedded.placed], prefetch=3) for _ in range(2))
    bus.publisher().publish(embedded.orders(6))

    held = one.receive(1), two.receive(0.1)
    one.close()

    assert list(map(bodies, held)) == [["0", "1", "2"], []]
    assert bodies(receive(two, 6)) == [str(n) for n in range(6)]


def test_a_consumer_that_was_given_up_while_it_had_nothing_to_do_sits_down_again(
    embedded: Wire,
) -> None:
    bus = embedded.bus(f"{embedded.url}?lease=0.2")
    silent = bus.subscribe(embedded.queue, [embedded.placed])
    time.sleep(0.3)
    partner = bus.subscribe(embedded.queue, [embedded.placed])
    assert partner.receive(0.1) == []  # it looks around, and gives up the silent one
    partner.close()

    bus.publisher().publish(embedded.orders(1))

    assert bodies(receive(silent, 1)) == ["0"]


def test_a_consumer_that_was_stopped_loses_its_turn_and_its_late_word_does_not_count(
    embedded: Wire,
) -> None:
    short = f"{embedded.url}?lease=0.5"
    stopped = Wire(short).program("hold", "subscribe", embedded.queue, embedded.placed)
    assert stopped.stdout is not None
    assert stopped.stdout.readline() == "ready\n"
    bus = embedded.bus(short)
    partner = bus.subscribe(embedded.queue, [embedded.placed])
    bus.publisher().publish(embedded.orders(2))
    assert [stopped.stdout.readline() for _ in range(2)] == ["0\n", "1\n"]

    stopped.send_signal(signal.SIGSTOP)
    again = receive(partner, 2)
    stopped.send_signal(signal.SIGCONT)
    bus.publisher().publish(embedded.orders(3)[2:])

    assert bodies(again) == ["0", "1"]
    assert bodies(receive(partner, 1)) == ["2"]
    stopped.kill()
    stopped.wait()
    stopped.stdout.close()
    assert rows_of(embedded, "deliveries") == 0


def test_a_full_disk_is_told_and_leaves_nothing_half_done(embedded: Wire) -> None:
    bus = embedded.bus()
    stock = bus.subscribe(embedded.queue, [embedded.placed])
    publisher = bus.publisher()
    small, large = embedded.orders(1), Message("large", embedded.placed, b"x" * 3_000_000)
    publisher.publish(small)

    with file_size_limited_to(1_000_000):
        assert publisher.publish([*embedded.orders(2)[1:], large]) == [Outcome.UNCONFIRMED] * 2
        assert "cannot" in publisher.problem() or "could not" in publisher.problem()

    assert publisher.publish(embedded.orders(3)[2:]) == [Outcome.CONFIRMED]
    assert publisher.problem() == ""
    assert bodies(receive(stock, 2)) == ["0", "2"]


def test_a_silent_consumer_loses_its_messages_when_its_lease_ends(embedded: Wire) -> None:
    bus = embedded.bus(f"{embedded.url}?lease=0.3")
    silent = bus.subscribe(embedded.queue, [embedded.placed])
    bus.publisher().publish(embedded.orders(1))
    [held] = silent.receive(1)
    other = bus.subscribe(embedded.queue, [embedded.placed])

    [taken] = receive(other, 1, ack=False)
    silent.ack(held)
    other.release(taken)

    assert taken.redelivered
    assert len(receive(other, 1)) == 1


def test_a_consumer_that_keeps_asking_keeps_its_messages(embedded: Wire) -> None:
    bus = embedded.bus(f"{embedded.url}?lease=0.5")
    busy = bus.subscribe(embedded.queue, [embedded.placed])
    bus.publisher().publish(embedded.orders(1))
    [held] = busy.receive(1)
    other = bus.subscribe(embedded.queue, [embedded.placed])

    for _ in range(10):
        assert busy.receive(0.05) == other.receive(0.05) == []

    busy.ack(held)
    assert rows_of(embedded, "deliveries") == 0


def test_the_place_of_a_killed_listener_vanishes_and_its_bell_too(embedded: Wire) -> None:
    bus = embedded.bus()
    listener = embedded.program("hold", "listen", "sessions", embedded.placed)
    assert listener.stdout is not None
    assert listener.stdout.readline() == "ready\n"
    folder = Bells(bus_file(embedded)).folder
    publisher = bus.publisher()
    publisher.publish(embedded.orders(1))
    assert listener.stdout.readline() == "0\n"
    assert rows_of(embedded, "queues") == 1

    listener.kill()
    listener.wait()
    listener.stdout.close()
    publisher.publish(embedded.orders(1))  # knocks at the door of the dead
    stock = bus.subscribe(embedded.queue, [embedded.placed])  # and a consumer looks around
    stock.receive(0)

    assert eventually(lambda: rows_of(embedded, "queues") == 1)
    assert rows_of(embedded, "messages") == 0
    assert len(list(folder.iterdir())) == 1


def test_the_file_may_be_removed_under_us(embedded: Wire) -> None:
    bus = embedded.bus()
    stock = bus.subscribe(embedded.queue, [embedded.placed])
    publisher = bus.publisher()
    publisher.publish(embedded.orders(1))
    receive(stock, 1)

    for file in bus_file(embedded).parent.iterdir():
        file.unlink()

    assert stock.receive(0) == []
    assert publisher.publish(embedded.orders(1)) == [Outcome.CONFIRMED]
    assert bodies(receive(stock, 1)) == ["0"]


def test_a_file_that_cannot_be_written_is_no_answer_and_heals(embedded: Wire) -> None:
    folder = bus_file(embedded).parent
    folder.write_text("in the way")
    bus = embedded.bus()
    publisher, stock = bus.publisher(), bus.subscribe(embedded.queue, [embedded.placed])
    assert publisher.publish(embedded.orders(2)) == [Outcome.UNCONFIRMED] * 2
    assert stock.receive(0.05) == []
    assert (bus.healthy(), stock.healthy()) == (False, False)

    folder.unlink()
    stock.receive(0.05)
    outcomes = publisher.publish(embedded.orders(1))

    assert outcomes == [Outcome.CONFIRMED]
    assert bodies(receive(stock, 1)) == ["0"]
    assert (bus.healthy(), stock.healthy()) == (True, True)


def test_a_locked_file_is_no_answer_within_the_time_given(embedded: Wire) -> None:
    publisher = embedded.bus().publisher()
    publisher.publish(embedded.orders(1))
    with closing(sqlite3.connect(bus_file(embedded), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        began = time.monotonic()
        outcomes = publisher.publish(embedded.orders(1), timeout=0.2)

        assert outcomes == [Outcome.UNCONFIRMED]
        assert time.monotonic() - began < 9  # by default it waits longer


def test_waiting_costs_next_to_nothing(embedded: Wire) -> None:
    bus = embedded.bus()
    stock = bus.subscribe(embedded.queue, [embedded.placed])
    began = time.thread_time()  # other threads are not our business

    stock.receive(2.0)

    assert time.thread_time() - began < 0.05


def test_without_bells_messages_still_come(embedded: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bells, "ring", lambda self, queues: None)
    bus = embedded.bus()
    stock = bus.subscribe(embedded.queue, [embedded.placed])

    bus.publisher().publish(embedded.orders(1))

    assert bodies(receive(stock, 1)) == ["0"]


def test_a_folder_of_bells_that_others_can_enter_is_not_used(embedded: Wire) -> None:
    bells = Bells(bus_file(embedded))
    bells.folder.mkdir(mode=0o777)
    bells.folder.chmod(0o777)

    bell = bells.hang(1)

    assert list(bells.folder.iterdir()) == []
    bell.ring()
    bell.wait(1.0)
    bells.folder.rmdir()


def test_closing_leaves_no_bell_and_no_folder_of_bells(embedded: Wire) -> None:
    bus = embedded.bus()
    bus.subscribe(embedded.queue, [embedded.placed])
    folder = Bells(bus_file(embedded)).folder
    assert folder.exists()

    bus.close()

    assert not folder.exists()


def test_a_long_temporary_folder_leaves_room_for_a_socket(
    embedded: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/var/tmp/" + "long" * 30)

    folder = Bells(bus_file(embedded)).folder

    assert folder.parent == Path("/tmp")


def test_only_we_can_read_the_file(embedded: Wire) -> None:
    embedded.bus().publisher().publish(embedded.orders(1))

    assert bus_file(embedded).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("url", ["embedded:", "embedded:/x/bus.db?sync=maybe", "kafka://x", "x"])
def test_a_url_that_names_no_bus_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"[Bb]us|sync"):
        connect(url, client="test")


@contextmanager
def file_size_limited_to(size: int) -> Iterator[None]:
    """No file of this process may grow beyond that: what a full disk looks like from inside."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def bus_file(wire: Wire) -> Path:
    return Path(urlsplit(wire.url).path)


def rows_of(wire: Wire, table: str) -> int:
    with closing(sqlite3.connect(bus_file(wire))) as db:
        return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
