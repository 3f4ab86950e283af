"""The contracts as they were last released: a folder with one schema per event type we say.

They change at a release only, and only in ways that nobody has to notice. Its folder `reads` holds
what we needed of the events that we heard at that release: new events of others are tried on it,
since consumers of the last release still run while a publisher is upgraded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from shared.contracts.compatibility import Breach, breaches
from shared.contracts.schemas import Schema, schema_of, schema_of_reader
from shared.events import Event

READS = "reads"


def read_folder(folder: Path) -> dict[str, Schema]:
    """The schemas of a folder by event type; none if there is no folder."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def broken_promises(published: Sequence[type[Event]], released: Path) -> list[Breach]:
    """Which promises of the last release the classes of a publisher no longer keep."""
    present = {event.TYPE: schema_of(event) for event in published}
    return [
        breach
        for type_, schema in read_folder(released).items()
        for breach in breaches(schema, present.get(type_))
    ]


def release(
    published: Sequence[type[Event]], released: Path, readers: Iterable[type[Event]] = ()
) -> list[Breach]:
    """Make today's classes the released contract; writes nothing if that would break a promise."""
    found = broken_promises(published, released)
    if not found:
        _write(released, {event.TYPE: schema_of(event) for event in published})
        _write(released / READS, {each.TYPE: schema_of_reader(each) for each in readers})
    return found


def _write(folder: Path, schemas: dict[str, Schema]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        if path.stem not in schemas:
            path.unlink()
    for type_, schema in schemas.items():
        (folder / f"{type_}.json").write_text(as_text(schema))


def as_text(document: Schema) -> str:
    """JSON as it is committed: sorted, so that a change shows as that change only."""
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
