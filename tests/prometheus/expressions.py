"""PromQL taken apart as far as tests need it: which metrics and labels an expression relies on."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tests.docs.pages import ROOT
from tests.unit.telemetry.test_metrics import NAMES

RULES = ROOT / "deploy" / "prometheus" / "rules.yaml"

TARGET = {"namespace", "job", "instance"}
"""Labels that Prometheus gives, or the discovery of its targets."""

_SELECTOR = re.compile(r'(?<![\w:"])((?:[a-z_]+:)?(?:weir|process)_[a-z0-9_]+(?::[a-z0-9_]+)?)(?:\{([^}]*)\})?')
_MATCHER = re.compile(r'([a-z_]+)\s*(?:=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')
_GROUPING = re.compile(r"\b(?:by|on|ignoring|without)\s*\(([^)]*)\)")


def groups() -> list[str]:
    """Names of the groups of rules, in the order of the file."""
    return [group["name"] for group in _document()["groups"]]


def rules() -> list[dict[str, Any]]:
    """Every rule of the file, in its order."""
    return [rule for group in _document()["groups"] for rule in group["rules"]]


@functools.cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(RULES.read_text("utf-8"))
    return document


def selectors(expression: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each metric with its matchers: the label and what it is held against."""
    for name, matchers in _SELECTOR.findall(expression):
        yield name, dict(_MATCHER.findall(matchers))


def groupings(expression: str) -> set[str]:
    """Labels that series are brought together by."""
    found = (label.strip() for labels in _GROUPING.findall(expression) for label in labels.split(","))
    return {label for label in found if label}


def labels_of(name: str) -> set[str] | None:
    """Labels of a metric, or of what a rule records; None where there is no such."""
    if ":" in name:
        recorded = [rule for rule in rules() if rule.get("record") == name]
        return groupings(recorded[0]["expr"]) - {"le"} if recorded else None
    if name.startswith("process_"):
        return set(TARGET)
    base, _, part = name.rpartition("_")
    if part in {"bucket", "sum", "count"} and base in NAMES:
        return NAMES[base] | TARGET | ({"le"} if part == "bucket" else set())
    return NAMES[name] | TARGET if name in NAMES else None


def mistakes(expression: str) -> list[str]:
    """Metrics that there are not, and labels that those here have not."""
    found, known = [], set[str]()
    for name, matchers in selectors(expression):
        labels = labels_of(name)
        if labels is None:
            found.append(f"no metric {name}")
            continue
        known |= labels
        found += [f"{name} has no label {label}" for label in matchers.keys() - labels]
    return found + [f"no metric here has the label {label}" for label in groupings(expression) - known]
