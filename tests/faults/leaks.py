"""What a process must not keep: threads, open files, database sessions, locks."""

from __future__ import annotations

from pathlib import Path

from tests.faults.rig import Rig

MORE_THREADS = 30  # a request pool grows to its size; a leak goes on
MORE_FILES = 120
MORE_MB = 250


class Leaks:
    """Compares the processes that lived through a round with what they were before it."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._before = _all(rig)

    def found(self) -> list[str]:
        """What grew beyond reason, and what is held that should have been let go."""
        wrong = []
        for name, (pid, *now) in _all(self._rig).items():
            then = self._before.get(name)
            if then is None or then[0] != pid:
                continue
            for what, most, before, after in zip(
                ("threads", "open files", "MB"), (MORE_THREADS, MORE_FILES, MORE_MB), then[1:], now, strict=True
            ):  # fmt: skip
                if after - before > most:
                    wrong.append(f"I11: {name} went from {before} to {after} {what}")
        return wrong + self._held_in_postgres()

    def _held_in_postgres(self) -> list[str]:
        postgres = self._rig.servers_used.postgres
        if postgres is None:
            return []
        with postgres.admin() as admin:
            idle = admin.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE %s "
                "AND state LIKE 'idle in transaction%%' AND state_change < now() - interval '5 s'",
                [f"{self._rig.tag}%"],
            ).fetchone()
            waits = admin.execute(
                "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
                "WHERE d.datname LIKE %s AND NOT l.granted",
                [f"{self._rig.tag}%"],
            ).fetchone()
        wrong = []
        if idle and idle[0]:
            wrong.append(f"I11: {idle[0]} database sessions idle inside a transaction")
        if waits and waits[0]:
            wrong.append(f"I11: {waits[0]} sessions wait for locks although nobody works")
        return wrong


def _all(rig: Rig) -> dict[str, tuple[int, int, int, int]]:
    return {name: _one(rig.pid(name)) for name in list(rig._processes) if rig.is_up(name)}


def _one(pid: int) -> tuple[int, int, int, int]:
    process = Path(f"/proc/{pid}")
    try:
        status = dict(
            line.split(":", 1)
            for line in (process / "status").read_text().splitlines()
            if ":" in line
        )
        files = len(list((process / "fd").iterdir()))
    except OSError:
        return pid, 0, 0, 0
    return pid, int(status["Threads"]), files, int(status.get("VmRSS", "0").split()[0]) // 1024
