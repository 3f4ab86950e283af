"""Percentiles from histograms: what the page of operators shows, and Prometheus computes too."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.proxy.records.counting import BOUNDS


def quantile(share: float, buckets: Sequence[int]) -> float | None:
    """The time within which `share` (0 to 1) of all were done, in seconds; None for no data.

    Linear inside a bucket, as `histogram_quantile` does it; what is beyond the last bound is
    told as that bound, because nothing more is known.
    """
    total = sum(buckets)
    if not total:
        return None
    rank, seen, lower = share * total, 0, 0.0
    for bound, number in zip(BOUNDS, buckets, strict=False):
        if number and seen + number >= rank:
            return lower + (bound - lower) * max(0.0, rank - seen) / number
        seen += number
        lower = bound
    return BOUNDS[-1]
