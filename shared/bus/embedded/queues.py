"""What may be done with queues, said in SQL. Every function runs in its caller's transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.bus.embedded.claimants import Claimant
from shared.bus.embedded.store import MOST_RETURNS
from shared.bus.protocol import Message

HOPELESS = f"queue = ? AND returns > {MOST_RETURNS}"  # in these words, for its index


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that a session has taken from its queue."""

    seq: int
    message: Message
    returns: int


@dataclass(frozen=True, slots=True)
class Session:
    """A consumer's place in a queue, and until when we believe in it without hearing of it."""

    id: int
    queue: int
    until: float
    claimant: Claimant


def make_queue(
    db: sqlite3.Connection, name: str, types: Iterable[str] = (), *, fleeting: bool = False
) -> int:
    """The number of this queue, made and bound if need be. Older bindings stay."""
    db.execute("INSERT OR IGNORE INTO queues (name, fleeting) VALUES (?, ?)", (name, fleeting))
    queue = int(db.execute("SELECT id FROM queues WHERE name = ?", (name,)).fetchone()[0])
    db.executemany("INSERT OR IGNORE INTO bindings VALUES (?, ?)", [(t, queue) for t in types])
    return queue


def find_queue(db: sqlite3.Connection, name: str) -> int:
    """The number of this queue; 0 when there is none."""
    found = db.execute("SELECT id FROM queues WHERE name = ?", (name,)).fetchone()
    return int(found[0]) if found else 0


def unbound(db: sqlite3.Connection, queue: int, types: Iterable[str]) -> tuple[str, ...]:
    """Which of these types would not reach this queue."""
    bound = {row[0] for row in db.execute("SELECT type FROM bindings WHERE queue = ?", (queue,))}
    return tuple(type_ for type_ in types if type_ not in bound)


def counts(db: sqlite3.Connection, queue: int) -> tuple[int, int, int]:
    """How many messages wait in this queue, how many are handed out, how many consumers it has."""
    waiting, claimed = db.execute(
        "SELECT count(*) - count(session), count(session) FROM deliveries WHERE queue = ?",
        (queue,),
    ).fetchone()
    sessions = db.execute("SELECT count(*) FROM sessions WHERE queue = ?", (queue,)).fetchone()
    return int(waiting), int(claimed), int(sessions[0])


def put(db: sqlite3.Connection, message: Message, queues: Sequence[int]) -> None:
    """Put one message into these queues, behind everything they hold."""
    seq = db.execute(
        "INSERT INTO messages (id, type, headers, body) VALUES (?, ?, ?, ?)",
        (message.id, message.type, json.dumps(dict(message.headers)), message.body),
    ).lastrowid
    db.executemany(
        "INSERT INTO deliveries (queue, seq) VALUES (?, ?)", [(queue, seq) for queue in queues]
    )


def queues_bound_to(db: sqlite3.Connection, type_: str) -> list[int]:
    """The queues that want messages of this type, or of this kind from any service."""
    wanted = "SELECT DISTINCT queue FROM bindings WHERE type IN (?, ?)"
    return [row[0] for row in db.execute(wanted, (type_, f"*.{type_.partition('.')[2]}"))]


def open_session(db: sqlite3.Connection, queue: int, who: Claimant, until: float) -> int:
    """Take a place in the queue."""
    values = (queue, until, who.boot, who.pids, who.pid, who.started)
    row = db.execute(
        "INSERT INTO sessions (queue, until, boot, pids, pid, started) VALUES (?, ?, ?, ?, ?, ?)",
        values,
    )
    return int(row.lastrowid or 0)


def renew_session(db: sqlite3.Connection, session: int, until: float) -> bool:
    """Say that we are still there; false when the others have given us up meanwhile."""
    renewed = db.execute("UPDATE sessions SET until = ? WHERE id = ?", (until, session))
    return renewed.rowcount == 1


def is_there(db: sqlite3.Connection, session: int) -> bool:
    """Whether the others believe in this session."""
    found = db.execute("SELECT 1 FROM sessions WHERE id = ?", (session,)).fetchone()
    return found is not None


def is_active(db: sqlite3.Connection, queue: int, session: int) -> bool:
    """Whether it is this session's turn: the one that has been here longest works, others wait."""
    first = "SELECT id FROM sessions WHERE queue = ? ORDER BY id LIMIT 1"
    found = db.execute(first, (queue,)).fetchone()
    return found is not None and found[0] == session


def sessions_beside(db: sqlite3.Connection, queue: int, session: int) -> list[Session]:
    """The other sessions of this queue, and every listener: nobody else looks after those."""
    rows = db.execute(
        "SELECT s.id, s.queue, s.until, s.boot, s.pids, s.pid, s.started FROM sessions s"
        " JOIN queues q ON q.id = s.queue WHERE (s.queue = ? OR q.fleeting) AND s.id <> ?",
        (queue, session),
    )
    return [Session(id_, of, until, Claimant(*who)) for id_, of, until, *who in rows]


def has_waiting(db: sqlite3.Connection, queue: int) -> bool:
    """Whether the queue holds anything that nobody claims."""
    waiting = "SELECT 1 FROM deliveries WHERE queue = ? AND session IS NULL LIMIT 1"
    return db.execute(waiting, (queue,)).fetchone() is not None


def claim(db: sqlite3.Connection, queue: int, session: int, most: int) -> list[Claimed]:
    """Take the oldest waiting messages, up to `most` of them."""
    rows = db.execute(
        "SELECT d.seq, m.id, m.type, m.body, m.headers, d.returns"
        " FROM deliveries d JOIN messages m ON m.seq = d.seq"
        " WHERE d.queue = ? AND d.session IS NULL ORDER BY d.seq LIMIT ?",
        (queue, most),
    ).fetchall()
    if rows:
        db.execute(
            "UPDATE deliveries SET session = ?"
            " WHERE queue = ? AND seq BETWEEN ? AND ? AND session IS NULL",
            (session, queue, rows[0][0], rows[-1][0]),
        )
    return [
        Claimed(seq, Message(id_, type_, body, json.loads(headers)), returns)
        for seq, id_, type_, body, headers, returns in rows
    ]


def settle(db: sqlite3.Connection, queue: int, session: int, seqs: Sequence[int]) -> None:
    """Let go for ever of what this session has handled; what it lost meanwhile is left alone."""
    db.executemany(
        "DELETE FROM deliveries WHERE queue = ? AND seq = ? AND session = ?",
        [(queue, seq, session) for seq in seqs],
    )
    _forget_undelivered(db, seqs)


def held(db: sqlite3.Connection, queue: int) -> list[tuple[int, Message]]:
    """What lies unclaimed in a queue, oldest first."""
    rows = db.execute(
        "SELECT d.seq, m.id, m.type, m.body, m.headers FROM deliveries d"
        " JOIN messages m ON m.seq = d.seq WHERE d.queue = ? AND d.session IS NULL ORDER BY d.seq",
        (queue,),
    )
    return [
        (seq, Message(id_, type_, body, json.loads(headers)))
        for seq, id_, type_, body, headers in rows
    ]


def remove(db: sqlite3.Connection, queue: int, seqs: Sequence[int]) -> None:
    """Take unclaimed messages out of a queue for ever."""
    db.executemany(
        "DELETE FROM deliveries WHERE queue = ? AND seq = ? AND session IS NULL",
        [(queue, seq) for seq in seqs],
    )
    _forget_undelivered(db, seqs)


def hand_back(db: sqlite3.Connection, queue: int, session: int, seq: int) -> None:
    """Give one message back to the head of the queue. It says so itself, so it does not count."""
    db.execute(
        "UPDATE deliveries SET session = NULL, returns = max(returns, 1)"
        " WHERE queue = ? AND seq = ? AND session = ?",
        (queue, seq, session),
    )


def end_session(db: sqlite3.Connection, queue: int, session: int) -> None:
    """Give back all that the session claims; a fleeting queue goes with its session."""
    db.execute(
        "UPDATE deliveries SET session = NULL, returns = returns + 1"
        " WHERE queue = ? AND session = ?",
        (queue, session),
    )
    db.execute("DELETE FROM sessions WHERE id = ?", (session,))
    found = db.execute("SELECT fleeting FROM queues WHERE id = ?", (queue,)).fetchone()
    if found and found[0]:
        _remove_queue(db, queue)
    else:
        _bury_hopeless(db, queue)


def _remove_queue(db: sqlite3.Connection, queue: int) -> None:
    held = [row[0] for row in db.execute("SELECT seq FROM deliveries WHERE queue = ?", (queue,))]
    db.execute("DELETE FROM deliveries WHERE queue = ?", (queue,))
    db.execute("DELETE FROM queues WHERE id = ?", (queue,))
    _forget_undelivered(db, held)


def _bury_hopeless(db: sqlite3.Connection, queue: int) -> None:
    """Move what came back too often to the queue of the dead, where an operator finds it."""
    if db.execute(f"SELECT 1 FROM deliveries WHERE {HOPELESS} LIMIT 1", (queue,)).fetchone():
        name = db.execute("SELECT name FROM queues WHERE id = ?", (queue,)).fetchone()[0]
        grave = make_queue(db, f"{name}.dead")
        db.execute(f"UPDATE deliveries SET queue = ?, returns = 0 WHERE {HOPELESS}", (grave, queue))


def _forget_undelivered(db: sqlite3.Connection, seqs: Iterable[int]) -> None:
    """Remove the messages that no queue holds any more."""
    db.executemany(
        "DELETE FROM messages WHERE seq = ?1"
        " AND NOT EXISTS (SELECT 1 FROM deliveries WHERE seq = ?1)",
        [(seq,) for seq in seqs],
    )
