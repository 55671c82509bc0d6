"""The rules for Prometheus: each fires when it should and not when it should not, by Prometheus' own reckoning."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.utils import floatToGoString

from streams.contracts import Reason
from streams.settings import TopicSettings
from streams.telemetry.metrics import END_TO_END_SECONDS, Metrics
from tests.docs.pages import ROOT, anchors, inline_code, table
from tests.prometheus.cases import CASES, Case
from tests.prometheus.expressions import RULES, groups, mistakes, rules, selectors
from tests.prometheus.promtool import Promtool
from tests.unit.http.door_kit import House
from tests.unit.telemetry.test_metrics import use_all

ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}

per_alert = pytest.mark.parametrize("alert", ALERTS)
per_rule = pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])


def unit_test(case: Case) -> dict[str, Any]:
    """The case as a test of promtool."""
    rule = ALERTS[case.alert]
    fires = []
    if case.fires is not None:
        annotations = {**rule["annotations"], "summary": case.summary}
        if case.description is not None:
            annotations["description"] = case.description
        fires = [{"exp_labels": {**case.fires, **rule["labels"]}, "exp_annotations": annotations}]
    return {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "group_eval_order": groups(),  # else in any order: what alerts go by may be of the minute before
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
                "alert_rule_test": [{"eval_time": case.at, "alertname": case.alert, "exp_alerts": fires}],
            }
        ],
    }


def test_promtool_finds_no_fault(promtool: Promtool) -> None:
    assert promtool.check_rules(RULES) == ""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_alert_fires_when_it_should_and_not_otherwise(promtool: Promtool, case: Case, tmp_path: Path) -> None:
    tests = tmp_path / "test.yaml"
    tests.write_text(yaml.safe_dump(unit_test(case)))
    assert promtool.test_rules(tests) == ""


@per_alert
def test_there_is_a_case_where_it_fires_and_one_where_it_does_not(alert: str) -> None:
    assert {case.fires is not None for case in CASES if case.alert == alert} == {True, False}


@per_alert
def test_an_alert_says_how_urgent_it_is_what_it_is_and_what_to_do(alert: str) -> None:
    rule = ALERTS[alert]
    assert set(rule["labels"]) == {"severity"}
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert page.startswith("docs/runbooks/")
    assert anchor in anchors((ROOT / page).read_text("utf-8"))


@per_alert
def test_the_runbook_names_the_alert_under_that_heading(alert: str) -> None:
    page, _, anchor = ALERTS[alert]["annotations"]["runbook_url"].partition("#")
    sections = re.split(r"^(?=## )", (ROOT / page).read_text("utf-8"), flags=re.MULTILINE)
    (section,) = [each for each in sections if anchor in anchors(each)]
    assert f"`{alert}`" in section


def test_on_call_has_them_by_severity() -> None:
    rows = table("docs/how-to/on-call.md", "severity", "alerts")
    documented = {inline_code(row["severity"])[0]: set(inline_code(row["alerts"])) for row in rows}
    assert documented == {
        severity: {name for name, rule in ALERTS.items() if rule["labels"]["severity"] == severity}
        for severity in ("page", "ticket")
    }


@per_rule
def test_a_rule_relies_on_metrics_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    assert list(selectors(rule["expr"]))
    assert mistakes(rule["expr"]) == []


def test_mistakes_in_expressions_would_be_noticed() -> None:
    assert mistakes("rate(weir_gone_total[5m])") == ["no metric weir_gone_total"]
    assert mistakes('weir_ready{model="a"}') == ["weir_ready has no label model"]
    assert mistakes("sum by (job, model) (weir_ready)") == ["no metric here has the label model"]
    assert mistakes("job:weir_gone:sum") == ["no metric job:weir_gone:sum"]


def test_the_words_that_rules_match_are_those_of_the_code() -> None:
    matched = [pair for rule in rules() for pair in selectors(rule["expr"])]
    bounds = {matchers["le"] for name, matchers in matched if "le" in matchers}
    assert bounds
    assert bounds <= set(map(floatToGoString, END_TO_END_SECONDS))
    (blamed,) = {own["reason"] for name, own in matched if name == "weir_dead_letters_total" and "reason" in own}
    ours = {Reason.PREPROCESS, Reason.MODEL_ERROR, Reason.MODEL_OUTPUT, Reason.MODEL_DEADLINE, Reason.OUTPUT_TOO_LARGE}
    assert {reason for reason in Reason if re.fullmatch(blamed, reason)} == ours
    (aside,) = {own["topic"] for _, own in matched if "topic" in own}
    routes = {own["route"] for name, own in matched if "route" in own}
    posts = {route.path for route in House(loaded=False).routes if route.method == "POST"}
    assert all(re.fullmatch(each, post) for each in routes for post in posts)
    topics = TopicSettings(prefix="eu.")
    read = ("events", "observations", "labels", "joins", "examples", "control")
    assert [role for role in read if not re.fullmatch(aside, topics.name(role))] == ["events"]


def test_names_and_types_of_metrics_keep_the_conventions(promtool: Promtool) -> None:
    registry = CollectorRegistry()
    use_all(Metrics(registry))
    assert promtool.check_metrics(generate_latest(registry).decode()) == ""


def test_a_name_against_the_conventions_would_be_noticed(promtool: Promtool) -> None:
    assert "milliseconds" in promtool.check_metrics(
        "# HELP a_milliseconds a\n# TYPE a_milliseconds gauge\na_milliseconds 1\n"
    )
