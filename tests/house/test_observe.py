"""What dashboard and alerts ask for exists: a metric that is renamed breaks the build, not the alarm."""

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

ROOT = Path(__file__).parents[2]
OBSERVE = ROOT / "deploy" / "observe"
GROUPS = yaml.safe_load((OBSERVE / "prometheus/alerts.yml").read_text("utf-8"))["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
CASES = yaml.safe_load((OBSERVE / "prometheus/alerts_test.yml").read_text("utf-8"))["tests"]
PANELS = json.loads((OBSERVE / "grafana/dashboards/flow.json").read_text("utf-8"))["panels"]

OF_PROMETHEUS = {"up": {"job"}, "ALERTS": {"alertstate"}}
OF_SCRAPES = {"service", "instance", "job", "le"}
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}


def expressions() -> Iterator[tuple[str, str]]:
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def series() -> dict[str, set[str]]:
    """Every name that can be asked for → its labels."""
    for service in ("intake", "matching", "notifications", "reporting"):
        import_module(f"{service}.app")
    import_module("chassis.web.counted")
    return OF_PROMETHEUS | {
        family.name + suffix: set(getattr(collector, "_labelnames", ()))
        for collector in REGISTRY._collector_to_names
        for family in collector.collect()
        if family.name.startswith("geleit_")
        for suffix in SUFFIXES[family.type]
    }


def asked(expression: str) -> Iterator[tuple[str, str]]:
    """Names of series in PromQL, each with its selector: what is no function, keyword, label or number."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", "", bare)
    bare = re.sub(r"\[[^]]*\]", "", bare)
    for name, selector, call in re.findall(r"(?<![\w.])([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\}|(\())?", bare):
        if not call and name not in {"and", "or", "unless"}:
            yield name, selector


@pytest.mark.parametrize(("where", "expression"), list(expressions()), ids=lambda value: str(value)[:40])
def test_what_is_asked_for_is_registered(where: str, expression: str) -> None:
    known = series()
    names = list(asked(expression))
    assert names, f"{where} asks for nothing"
    for name, selector in names:
        assert name in known, f"{where} asks for {name}"
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))
        assert labels <= known[name] | OF_SCRAPES, f"{where} asks {name} for {labels - known[name]}"
    grouped = {one.strip() for group in re.findall(r"\bby\s*\(([^)]*)\)", expression) for one in group.split(",")}
    assert grouped <= set().union(*(known[name] for name, _ in names)) | OF_SCRAPES, f"{where} groups by {grouped}"


def test_the_rule_sees_what_it_forbids() -> None:
    expression = 'sum by (x) (rate(geleit_old_total{fate="a b"}[5m])) / 2.5 > 0.5 and on (y) up == 0 or vector(0)'
    assert dict(asked(expression)) == {"geleit_old_total": 'fate=""', "up": ""}
    assert "geleit_old_total" not in series()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert {"summary", "description", "runbook_url"} <= set(rule["annotations"])
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert anchor == rule["alert"].lower()
    assert f'| <a id="{anchor}"></a>{rule["alert"]}' in (ROOT / page).read_text("utf-8")


@pytest.mark.parametrize("alert", [rule["alert"] for rule in RULES])
def test_an_alert_has_a_case_that_fires_and_one_that_does_not(alert: str) -> None:
    """Otherwise nobody knows whether a silent one is content or wrong."""
    fired = {bool(one["exp_alerts"]) for case in CASES for one in case["alert_rule_test"] if one["alertname"] == alert}
    assert fired == {True, False}


def test_everything_that_observes_can_be_left_away() -> None:
    services = yaml.safe_load((OBSERVE / "compose.yml").read_text("utf-8"))["services"]
    for name, service in services.items():
        assert service["profiles"] == ["observe"], name
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", service["image"]), f"{name} is not pinned"
        for port in service.get("ports", ()):
            published = re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z]+_PORT:-(\d+)\}:\d+", port)
            assert published, f"{name} publishes {port}"
            assert int(published[1]) < 32768, f"{name} publishes a port that the kernel may have given away"
