"""The figures of the bus side, by their Prometheus names, in one place.

Gauges that mirror tables are set by whoever reads `/metrics`; counters and histograms are moved
where the thing happens. Times are seconds.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_WAITS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

OUTBOX_WAITING = Gauge("quintet_outbox_waiting", "Events written and not yet sent.")
OUTBOX_OLDEST = Gauge(
    "quintet_outbox_oldest_seconds", "Age of the oldest event that is not sent yet."
)
OUTBOX_STUCK = Gauge("quintet_outbox_stuck", "Events the bus refused too often: look at them.")
PUBLISHED = Counter(
    "quintet_bus_published",
    "Events handed to the bus.",
    ["outcome"],  # confirmed, refused, returned, unconfirmed
)
CONFIRM_SECONDS = Histogram(
    "quintet_bus_confirm_seconds", "Publishing until the bus confirmed.", buckets=_WAITS
)

CONSUMED = Counter(
    "quintet_bus_consumed",
    "Events received.",
    ["outcome"],  # applied, duplicate, parked, dead, ignored
)
HANDLER_SECONDS = Histogram(
    "quintet_bus_handler_seconds", "One event's transaction.", ["type"], buckets=_WAITS
)
LAG_SECONDS = Histogram(
    "quintet_bus_lag_seconds", "From the publisher's commit to our effect.", buckets=_WAITS
)
PARKED = Gauge("quintet_parked_events", "Events that failed here and are tried again.")
DEAD = Gauge("quintet_dead_letters", "Events we gave up on: look at them.")

RECONNECTS = Counter("quintet_bus_reconnects", "Connections to the bus made anew.", ["side"])
CONSUMERS = Gauge("quintet_bus_consumers_alive", "Subscriptions of this process that hear.")

SAGA_OPEN = Gauge("quintet_saga_open", "Orders on their way, by step.", ["step"])
SAGA_OLDEST = Gauge("quintet_saga_oldest_seconds", "Age of the oldest of them.", ["step"])
