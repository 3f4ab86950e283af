"""The reference page of all figures and alerts, from the code and the rules that ship with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

from gateway.proxy.records.catalogue import FIGURES, Figure
from gateway.proxy.records.rendering import full_name
from shared import metrics
from shared.http import health

RULES = Path(__file__).parent / "prometheus" / "quintet-rules.yml"
LABELS = {
    "outcome": "what became of it",
    "type": "the event's type",
    "side": "`publish` or `consume`",
    "step": "of the checkout",
    "method": "of the request",
    "route": "the path's pattern",
    "status": "of the answer",
    "service": "which one",
    "replica": "its address",
    "state": "what it does now",
    "reason": "our word for it",
    "policy": "the limit's name",
    "result": "how it was answered",
    "how": "what it took",
    "direction": "which way",
    "part": "of the gateway",
    "generation": "of objects",
}
PARTS = ("bucket", "count", "sum")


def figures() -> Iterator[MetricWrapperBase]:
    """Everything that a service tells Prometheus by itself."""
    for module in (metrics, health):
        for each in vars(module).values():
            if isinstance(each, MetricWrapperBase):
                yield each


def scraped_names(figure: MetricWrapperBase) -> list[str]:
    """The names under which Prometheus keeps it."""
    name = str(figure._name)
    if isinstance(figure, Histogram):
        return [f"{name}_{part}" for part in PARTS]
    return [f"{name}_total" if isinstance(figure, Counter) else name]


def gateway_names(figure: Figure) -> list[str]:
    """The names under which Prometheus keeps a figure of the gateway."""
    name = full_name(figure.name)
    return [f"{name}_{part}" for part in PARTS] if figure.kind == "histogram" else [name]


def rules() -> Iterator[Mapping[str, Any]]:
    """The alerts."""
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        yield from group["rules"]


def metrics_page() -> str:
    """The page."""
    lines = ["# Figures and alerts", "", "Made from the code and from `deploy/prometheus/` by"]
    lines[-1] += " `make contracts`. Times are seconds."
    lines += ["", "Gauges of tables are read from them when somebody looks, at most once a second,"]
    lines += [
        "and count up to 100 000; unknown is NaN. Several processes of a service say the same"
    ]
    lines += ["of its tables, so take `max`, not `sum`.", ""]
    lines += ["| figure | kind | labels | says |", "|---|---|---|---|"]
    for figure in figures():
        kind = type(figure).__name__.lower()
        says = figure._documentation
        lines.append(_row(scraped_names(figure), kind, figure._labelnames, says))
    lines += ["", "## The gateway's", ""]
    lines += ["Its labels are names of routes and replicas, never paths.", ""]
    lines += ["| figure | kind | labels | says |", "|---|---|---|---|"]
    lines += [_row(gateway_names(each), each.kind, each.labels, each.says) for each in FIGURES]
    lines += [
        "",
        "## Alerts",
        "",
        "| alert | when | for | says | look at |",
        "|---|---|---|---|---|",
    ]
    for rule in rules():
        said, when = rule["annotations"], rule["expr"].replace("|", "\\|")
        row = [
            rule["alert"],
            f"`{when}`",
            rule.get("for", "at once"),
            said["summary"],
            said["look"],
        ]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def _row(names: Iterable[str], kind: str, labels: Iterable[str], says: str) -> str:
    told = "; ".join(f"`{name}`: {LABELS[name]}" for name in labels) or "–"
    return f"| {', '.join(f'`{name}`' for name in names)} | {kind} | {told} | {says} |"
