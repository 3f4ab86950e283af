"""Which changes of an event would break those who rely on it.

Two things must hold for every event type, whatever a team changes:
- who reads by the released contract reads everything that is written from now on (a rolling
  upgrade: consumers are not released with us);
- who reads by the new contract reads everything that was written so far (events are kept, parked
  and replayed).
So a field may be added if it may be absent; nothing else changes but words. Anything else is a new
`v`, published beside the old one for as long as somebody hears it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shared.contracts.reading import Gap, Kind, differences
from shared.contracts.schemas import Schema

NOUNS: dict[Kind, str] = {"values": "values", "bounds": "bounds", "format": "format"}


@dataclass(frozen=True, slots=True)
class Breach:
    """A change that breaks a promise: of which event, at which field, what, and what to do."""

    event: str
    field: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.event}: {self.field or 'the event'} {self.what}. {self.fix}"


def breaches(released: Schema, present: Schema | None) -> list[Breach]:
    """What of the change from `released` to `present` (None: no longer published) breaks it."""
    type_ = str(released["$id"])
    if present is None:
        return [] if released.get("deprecated") else [_dropped(type_)]
    fix = f"Leave {type_} as it was released and publish {next_version(type_)} beside it."
    found = [Breach(type_, field, what, fix) for field, what in _changes(released, present)]
    if released.get("x-key") != present.get("x-key"):
        said = f"was the key and {present.get('x-key') or 'nothing'} is now: order would be lost"
        found.append(Breach(type_, str(released.get("x-key")), said, fix))
    return found


def next_version(type_: str) -> str:
    """The type that a changed event gets: `shop.order.placed.v2` after `….v1`."""
    stem, _, number = type_.rpartition(".v")
    return f"{stem}.v{int(number) + 1}" if number.isdigit() else f"{type_}.v2"


def _dropped(type_: str) -> Breach:
    fix = "Mark it deprecated, release that, and drop it when nobody hears it any more."
    return Breach(type_, "", "is no longer published", fix)


def _changes(released: Schema, present: Schema) -> Iterator[tuple[str, str]]:
    """Each breaking change with its field, once; what lies inside a removed field is not told."""
    for_old_readers = differences(present, released)
    for_new_readers = differences(released, present)
    added = {gap.path: gap for gap in for_old_readers if gap.kind == "unread"}
    gone = {gap.path: gap for gap in for_new_readers if gap.kind == "unread"}
    yield from ((path, _gone(gap, added)) for path, gap in gone.items())
    old = {(gap.path, gap.kind): gap for gap in for_old_readers if gap.path not in {*added, *gone}}
    new = {(gap.path, gap.kind): gap for gap in for_new_readers if gap.path not in gone}
    renamed = {gap.path for gap in added.values() if _twin(gap, gone)}
    for path, kind in dict.fromkeys([*old, *new]):
        if path not in renamed:
            yield path, _said(kind, old.get((path, kind)), new.get((path, kind)), path in added)


def _gone(gap: Gap, added: dict[str, Gap]) -> str:
    twin = _twin(gap, added)
    return f"was removed or renamed to {twin.path}" if twin else "was removed"


def _twin(gap: Gap, others: dict[str, Gap]) -> Gap | None:
    """The field beside this one that is the same thing by another name, as far as one can see."""
    beside = gap.path.rpartition(".")[0]
    alike = (each for each in others.values() if each.path.rpartition(".")[0] == beside)
    return next((each for each in alike if each.written == gap.written), None)


def _said(kind: Kind, old: Gap | None, new: Gap | None, is_new: bool) -> str:
    """In words: `old` is where old readers stumble, `new` where new ones do over kept events."""
    if kind == "missing":
        return _said_of_missing(old, is_new)
    if kind == "surplus":
        return "was added to an object that was released as closed"
    gap = old or new
    assert gap is not None
    before, after = (gap.read, gap.written) if old else (gap.written, gap.read)
    noun = NOUNS.get(kind, "type")
    if old and new:
        verb = "was retyped" if kind == "type" else f"has other {noun}"
        return f"{verb}: released {new.written}, now {old.written}"
    verb = "widened" if old else "narrowed"
    was = "were" if noun.endswith("s") else "was"
    return f"has {noun} that {was} {verb}: released {before}, now {after}"


def _said_of_missing(old: Gap | None, is_new: bool) -> str:
    if old:
        return "was always there and may be absent now"
    if is_new:
        return "is new and required, but kept events lack it: give it a default"
    return "was optional and is required now, but kept events may lack it"
