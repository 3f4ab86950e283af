"""What needs somebody, in one sentence each, with what to do: the first thing the page shows."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.operating.shapes import AWAY, BAD, Advice, Overview, ServiceSeen

LATE = 0.25  # seconds the event loop may be late before somebody should know
FAILING, ENOUGH = 0.05, 20  # a share of failures, and of how many requests it takes to say so
MOST_NAMES = 4  # routes that are named
NEARLY = 0.9  # of all files that may be open


def attention(told: Overview) -> Iterator[Advice]:
    """What is wrong, worst first."""
    for service in told.services:
        yield from _of_service(service)
    if told.hears_events is False:
        yield Advice(
            what="The gateway does not hear the bus: what it remembers may be old.",
            do="Is the broker up? Sessions are asked anew and the cache is emptied when it is.",
        )
    yield from _of_rules(told)
    yield from _of_routes(told)
    yield from _of_process(told)


def _of_service(service: ServiceSeen) -> Iterator[Advice]:
    away = [each for each in service.replicas if each.state in (BAD, AWAY) and not each.steered]
    if service.breaker not in (None, "closed"):
        yield Advice(
            what=f"The breaker of {service.name} is {service.breaker}: it may recover.",
            do=f"Look at the log and the database of {service.name}; the breaker tries by itself.",
        )
    elif service.replicas and len(away) == len(service.replicas):
        yield Advice(
            what=f"No replica of {service.name} is well.",
            do=f"Does {service.name} run? curl its /readyz.",
        )
    for each in away if len(away) < len(service.replicas) else ():
        yield Advice(
            what=f"{each.name}: {each.words}.",
            do="It comes back by itself when its checks pass; the other replicas carry its share.",
        )


def _of_rules(told: Overview) -> Iterator[Advice]:
    file, limits = told.routes_file, told.limits
    if file is not None and file.refusal:
        yield Advice(
            what=f"The routes file was refused: {file.refusal}. The routes before it are in force.",
            do="Mend the file, `python -m gateway check` tries it; it is read again when saved.",
        )
    if limits is not None and limits.degraded:
        yield Advice(
            what="The common store of limits is away: each gateway counts for itself.",
            do="Look at Redis; nothing else is needed.",
        )


def _of_routes(told: Overview) -> Iterator[Advice]:
    failing = [
        each
        for each in told.routes
        if each.traffic.requests >= ENOUGH and each.traffic.failing >= FAILING
    ]
    for service in dict.fromkeys(each.service for each in failing):
        routes = [each for each in failing if each.service == service]
        worst = max(each.traffic.failing for each in routes)
        names = ", ".join(each.name for each in routes[:MOST_NAMES])
        more = f" and {len(routes) - MOST_NAMES} more" if len(routes) > MOST_NAMES else ""
        yield Advice(
            what=f"Up to {worst:.0%} of the requests to {names}{more} fail.",
            do=f"Look for these routes in the access log, and at {service}.",
        )


def _of_process(told: Overview) -> Iterator[Advice]:
    process = told.process
    if process.loop_lag >= LATE:
        yield Advice(
            what=f"The event loop was {process.loop_lag * 1000:.0f} ms late: everybody waited.",
            do="Is the machine short of CPU? Start a second gateway.",
        )
    if process.files and process.most_files and process.files > NEARLY * process.most_files:
        yield Advice(
            what=f"{process.files} of {process.most_files} files are open.",
            do="Raise the limit (ulimit -n), or start a second gateway.",
        )
