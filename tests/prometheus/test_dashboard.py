"""The Grafana dashboard as it is checked in: what it asks for exists, and what it shows can be read."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import ROOT, anchors
from tests.prometheus.expressions import mistakes, selectors
from tests.prometheus.promtool import Promtool
from tests.unit.telemetry.test_metrics import NAMES

FILE = ROOT / "deploy" / "grafana" / "weir.json"
DASHBOARD: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
ROWS = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]
GRID_WIDTH = 24

per_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])


def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
    place = panel["gridPos"]
    return {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}


def test_it_has_a_row_for_each_question() -> None:
    assert ROWS == [
        "Now", "Traffic and lag", "Latency", "Errors and dead letters", "Model and ladder", "Drift", "HTTP",
        "Labels, challengers, learning", "Process",
    ]  # fmt: skip


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    every = DASHBOARD["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= GRID_WIDTH for panel in every)
    for one, other in combinations(every, 2):
        assert not cells(one) & cells(other), f"{one['title']} and {other['title']}"


@per_panel
def test_a_panel_says_what_it_shows_in_a_unit_from_the_chosen_source(panel: dict[str, Any]) -> None:
    assert panel["type"] in {"timeseries", "stat"}
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    assert all(target["legendFormat"] for target in panel["targets"])
    for asks in (panel, *panel["targets"]):
        assert asks["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@per_panel
def test_a_panel_asks_for_metrics_and_labels_that_there_are(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        assert list(selectors(target["expr"]))
        assert mistakes(target["expr"]) == []
        names = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        assert names <= set(re.findall(r"\w+", target["expr"])) | {"instance"}


def test_every_metric_is_shown() -> None:
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for each in EXPRESSIONS for name, _ in selectors(each)}
    assert shown >= NAMES.keys()


def test_prometheus_can_read_every_expression(promtool: Promtool, tmp_path: Path) -> None:
    asked = [each.replace("$__rate_interval", "5m") for each in EXPRESSIONS]
    queries = [query["query"] for query in DASHBOARD["templating"]["list"] if query["type"] == "query"]
    asked += [re.sub(r"label_values\((.*), \w+\)", r"\1", query) for query in queries]
    asked += [note["expr"] for note in DASHBOARD["annotations"]["list"]]
    rules = [{"record": f"expression:{number}", "expr": expression} for number, expression in enumerate(asked)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert promtool.check_rules(file) == ""


def test_what_is_chosen_on_top_is_what_panels_ask_by() -> None:
    chosen = {each["name"] for each in DASHBOARD["templating"]["list"]}
    named = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD))) - {"__rate_interval"}
    assert named == chosen == {"datasource", "namespace", "job", "model", "runbooks"}
    for each in DASHBOARD["templating"]["list"]:
        if each["type"] == "query":
            assert each["includeAll"]
            assert each["allValue"] == ".*"


def test_links_lead_to_runbooks() -> None:
    links = [link["url"] for panel in PANELS for link in panel.get("links", [])]
    assert len(links) > len(PANELS) / 2
    for link in links:
        page, _, anchor = link.removeprefix("${runbooks}/").partition("#")
        assert anchor in anchors((ROOT / "docs" / "runbooks" / page).read_text("utf-8")), link


def test_traces_are_drawn_where_there_are_exemplars() -> None:
    with_traces = {
        name
        for panel in PANELS
        for target in panel["targets"]
        if target["exemplar"]
        for name, _ in selectors(target["expr"])
    }
    assert with_traces == {"weir_end_to_end_seconds_bucket", "weir_http_request_seconds_bucket"}
