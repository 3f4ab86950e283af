"""Times, rates and sizes as people read them at a glance."""

from __future__ import annotations

NOTHING = "–"


def took(seconds: float | None) -> str:
    """`840 µs`, `8.4 ms`, `120 ms`, `1.3 s`; a dash for no data."""
    if seconds is None:
        return NOTHING
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 0.01:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds * 1e3:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def rate(per_second: float) -> str:
    """`0`, `0.4`, `12`, `1.2 k`."""
    if per_second < 0.05:
        return "0"
    if per_second < 10:
        return f"{per_second:.1f}"
    return f"{per_second:.0f}" if per_second < 1000 else f"{per_second / 1000:.1f} k"


def percent(share: float | None) -> str:
    """`0 %`, `0.3 %`, `87 %`; a dash for no data. What is not nought is never told as nought."""
    if share is None:
        return NOTHING
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{share * 100:.1f} %" if 0 < share < 0.1 else f"{share * 100:.0f} %"


def size(count: float | None) -> str:
    """`312 B`, `1.2 KiB`, `64 MiB`."""
    if count is None:
        return NOTHING
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if count >= 10 or unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def span(seconds: float | None) -> str:
    """`12 s`, `4 min`, `3 h`, `8 d`."""
    if seconds is None:
        return NOTHING
    for length, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= length:
            return f"{int(seconds // length)} {word}"
    return f"{max(0, int(seconds))} s"
