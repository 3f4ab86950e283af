"""Which trace a request belongs to: W3C Trace Context, section by section."""

from __future__ import annotations

import pytest

from gateway.proxy.edge import trace
from tests.gateway.conftest import Services
from tests.gateway.stage import RunningGateway, status_of, talk

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01"


def passed_on(gateway: RunningGateway, services: Services, *fields: str) -> tuple[str, list[str]]:
    """The traceparent and the tracestates that the service saw."""
    lines = "".join(f"{each}\r\n" for each in fields)
    raw = talk(gateway.port, f"GET / HTTP/1.1\r\nhost: a\r\n{lines}\r\n".encode("latin-1"))
    assert status_of(raw) == 200
    return services.catalog.seen[-1].one("traceparent"), services.catalog.seen[-1].all("tracestate")


@pytest.mark.parametrize(
    ("section", "sent", "flags"),
    [
        ("3.2.2: version 00", GOOD, "01"),
        ("3.2.2.5: not sampled", GOOD[:-2] + "00", "00"),
        ("level 2, 3.2.2.5.2: random", GOOD[:-2] + "03", "03"),
        ("3.2.2.5: unknown flags are sent as zero", GOOD[:-2] + "ff", "03"),
        ("4.3: a later version", "cc" + GOOD[2:], "01"),
        ("4.3: a later version that says more", "cc" + GOOD[2:] + "-what-comes", "01"),
        ("RFC 9110 5.5: white space around it", f"\t {GOOD} \t", "01"),
    ],
)
def test_a_valid_trace_goes_on_with_us_as_the_parent(
    gateway: RunningGateway, services: Services, section: str, sent: str, flags: str
) -> None:
    seen, _ = passed_on(gateway, services, f"TraceParent: {sent}")

    version, trace_id, parent, seen_flags = seen.split("-")
    assert (version, trace_id, seen_flags) == ("00", TRACE, flags), section
    assert parent != SPAN, section
    assert int(parent, 16), section


@pytest.mark.parametrize(
    ("section", "fields"),
    [
        ("3.2.2: none", ()),
        ("3.2.2: empty", ("traceparent:",)),
        ("3.2.2: rubbish", ("traceparent: rubbish",)),
        ("3.2: another name", (f"trace-parent: {GOOD}",)),
        ("3.2: yet another name", (f"trace.parent: {GOOD}",)),
        ("3.2: twice", (f"traceparent: {GOOD}", f"traceparent: {GOOD}")),
        ("3.2: two that differ", (f"traceparent: {GOOD}", f"traceparent: {GOOD[:-1]}0")),
        ("3.2.2.1: version ff", (f"traceparent: ff{GOOD[2:]}",)),
        ("3.2.2.1: version with a letter", (f"traceparent: 0g{GOOD[2:]}",)),
        ("3.2.2.1: version too long", (f"traceparent: 000{GOOD[2:]}",)),
        ("3.2.2.1: version too short", (f"traceparent: 0{GOOD[2:]}",)),
        ("3.2.2.2: version 00 says no more", (f"traceparent: {GOOD}-more",)),
        ("3.2.2.2: version 00 with a dot", (f"traceparent: {GOOD}.",)),
        ("4.3: a later version without the dash", (f"traceparent: cc{GOOD[2:]}.more",)),
        ("3.2.2.3: zero trace", (f"traceparent: 00-{'0' * 32}-{SPAN}-01",)),
        ("3.2.2.3: short trace", (f"traceparent: 00-{TRACE[1:]}-{SPAN}-01",)),
        ("3.2.2.3: long trace", (f"traceparent: 00-{TRACE}0-{SPAN}-01",)),
        ("3.2.2.3: capitals", (f"traceparent: 00-{TRACE.upper()}-{SPAN}-01",)),
        ("3.2.2.4: zero parent", (f"traceparent: 00-{TRACE}-{'0' * 16}-01",)),
        ("3.2.2.4: short parent", (f"traceparent: 00-{TRACE}-{SPAN[1:]}-01",)),
        ("3.2.2.4: long parent", (f"traceparent: 00-{TRACE}-{SPAN}0-01",)),
        ("3.2.2.4: letters", (f"traceparent: 00-{TRACE}-{SPAN[:-1]}x-01",)),
        ("3.2.2.5: short flags", (f"traceparent: {GOOD[:-1]}",)),
        ("3.2.2.5: long flags", (f"traceparent: {GOOD}1",)),
        ("3.2.2.5: letters in flags", (f"traceparent: {GOOD[:-1]}.",)),
    ],
)
def test_what_is_no_trace_begins_a_new_one_and_takes_its_state_along(
    gateway: RunningGateway, services: Services, section: str, fields: tuple[str, ...]
) -> None:
    seen, states = passed_on(gateway, services, *fields, "tracestate: a=b")

    assert trace.parent(seen.encode()) == seen.encode(), section
    assert TRACE not in seen, section
    assert states == [], section


def test_every_request_has_a_span_of_its_own(gateway: RunningGateway, services: Services) -> None:
    seen = [passed_on(gateway, services, f"traceparent: {GOOD}")[0] for _ in range(3)]

    assert len(set(seen)) == 3
    assert {each[3:35] for each in seen} == {TRACE}


KEY = "abcdefghijklmnopqrstuvwxyz0123456789_-*/"
VALUE = "".join(chr(each) for each in range(0x20, 0x7F) if chr(each) not in ",=")


@pytest.mark.parametrize(
    ("section", "sent", "kept"),
    [
        ("3.3.1: one", ["a=1"], "a=1"),
        ("3.3.1: several fields", ["a=1,b=2", "c=3"], "a=1,b=2,c=3"),
        ("level 2, 3.3.1: a key twice", ["a=1,a=1"], "a=1"),
        ("level 2, 3.3.1: a key in two fields", ["a=1,b=1", "b=2,a=2,c=3"], "a=1,b=1,c=3"),
        ("3.3.1: an empty one before", ["", "a=1"], "a=1"),
        ("3.3.1: an empty one after", ["a=1", ""], "a=1"),
        ("3.3.1.1: empty members", ["a=1,,b=2,"], "a=1,b=2"),
        ("3.3.1.1: white space", ["a=1 \t , \t b=2, \t c=3 \t"], "a=1,b=2,c=3"),
        ("3.3.1.3: every character", [f"{KEY}={VALUE}x"], f"{KEY}={VALUE}x"),
        ("3.3.1.3: tenant and system", [f"{KEY}@a-z0-9_-*/=1"], f"{KEY}@a-z0-9_-*/=1"),
        ("level 2, 3.3.1.3: a digit first", ["1a=1"], "1a=1"),
        ("3.3.1.3: longest key", ["z" * 256 + "=1"], "z" * 256 + "=1"),
        ("3.3.1.3: longest tenant", ["t" * 241 + "@" + "v" * 14 + "=1"], "t" * 241 + "@" + "v" * 14 + "=1"),
        ("3.3.1.1: 32 members", [",".join(f"k{n}={n}" for n in range(32))], ",".join(f"k{n}={n}" for n in range(32))),
        ("3.3.1.5: large members go first", ["big=" + "x" * 200, "c=" + "y" * 120, "d=" + "y" * 120, "e=" + "y" * 120],
         ",".join(k + "=" + "y" * 120 for k in "cde")),
        ("3.3.1.5: then the oldest", [f"k{n}=" + "y" * 100 for n in range(6)], ",".join(f"k{n}=" + "y" * 100 for n in range(4))),
    ],
)  # fmt: skip
def test_a_valid_state_goes_along_as_one_field(
    gateway: RunningGateway, services: Services, section: str, sent: list[str], kept: str
) -> None:
    states = [f"tracestate: {each}" for each in sent]

    assert passed_on(gateway, services, f"traceparent: {GOOD}", *states)[1] == [kept], section


@pytest.mark.parametrize(
    ("section", "sent"),
    [
        ("3.3.1: empty", [""]),
        ("3.3.1.1: 33 members", [",".join(f"k{n}={n}" for n in range(33))]),
        ("3.3.1.1: 33 in two fields", [",".join(f"k{n}={n}" for n in range(32)), "last=1"]),
        ("3.3.1.3: capitals", ["A=1"]),
        ("3.3.1.3: space after the key", ["a =1"]),
        ("3.3.1.3: a dot", ["a.b=1"]),
        ("3.3.1.3: no key", ["=1"]),
        ("3.3.1.3: no system", ["a@=1,b=2"]),
        ("3.3.1.3: no tenant", ["@a=1,b=2"]),
        ("3.3.1.3: two signs", ["a@@b=1,b=2"]),
        ("3.3.1.3: two systems", ["a@b@c=1,b=2"]),
        ("3.3.1.3: long key", ["a=1", "z" * 257 + "=1"]),
        ("3.3.1.3: long tenant", ["a=1", "t" * 242 + "@v=1"]),
        ("3.3.1.3: long system", ["a=1", "t@" + "v" * 15 + "=1"]),
        ("3.3.1.4: no value", ["a=,b=3"]),
        ("3.3.1.4: no equals sign", ["a"]),
        ("3.3.1.4: two equals signs", ["a=b=c"]),
        ("3.3.1.4: long value", ["a=" + "x" * 257]),
        ("3.3.1.4: not ASCII", ["a=\xe9"]),
    ],
)
def test_a_malformed_state_is_dropped_whole_and_the_trace_is_kept(
    gateway: RunningGateway, services: Services, section: str, sent: list[str]
) -> None:
    states = [f"tracestate: {each}" for each in sent]

    parent, kept = passed_on(gateway, services, f"traceparent: {GOOD}", *states)

    assert kept == [], section
    assert TRACE in parent, section
