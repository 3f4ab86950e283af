"""What the alerts look at exists, and every figure is looked after by somebody."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from deploy.metrics_page import figures, gateway_names, metrics_page, rules, scraped_names
from gateway.proxy.records.catalogue import FIGURES
from shop_service.domain.checkout import Step

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
NAME = re.compile(r"\b(?:quintet|http|process)_[a-z_]+")
LABEL = re.compile(r"\b([a-z]+)=~?\"([^\"]*)\"")


def test_every_figure_that_an_alert_names_exists() -> None:
    known = {name for figure in figures() for name in scraped_names(figure)}
    known |= {name for figure in FIGURES for name in gateway_names(figure)}

    named = {name for rule in rules() for name in NAME.findall(rule["expr"])}

    assert named
    assert named - known == set()


def test_every_step_and_label_that_an_alert_names_exists() -> None:
    known = {label for figure in figures() for label in figure._labelnames} | {"job"}
    known |= {label for figure in FIGURES for label in figure.labels}
    named = [pair for rule in rules() for pair in LABEL.findall(rule["expr"])]
    steps = {step for label, values in named if label == "step" for step in values.split("|")}

    assert {label for label, _ in named} - known == set()
    assert steps == {str(step) for step in Step} - {Step.DONE}


def test_every_alert_says_how_bad_it_is_and_where_to_look() -> None:
    silent = [
        rule["alert"]
        for rule in rules()
        if rule["labels"]["severity"] not in ("page", "ticket")
        or not {"summary", "look"} <= set(rule["annotations"])
    ]

    assert silent == []


def test_prometheus_finds_every_process_that_shows_figures() -> None:
    scraping = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    compose = yaml.safe_load((DEPLOY.parent / "docker-compose.yml").read_text())["services"]

    targets = {
        target
        for job in scraping["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
    }

    works = {f"{name}:9100" for name in compose if name.endswith("-work")}
    assert {each for each in targets if "-work" in each} == works
    assert {each.split(":")[0] for each in targets} <= set(compose)
    assert all("inside" in compose[each.split(":")[0]]["networks"] for each in targets)


def test_the_page_explains_every_figure() -> None:
    page = metrics_page()

    assert [name for each in figures() for name in scraped_names(each) if name not in page] == []
    assert [name for each in FIGURES for name in gateway_names(each) if name not in page] == []
