"""The dashboard against Grafana's own model of one, and against the code that makes it."""

from __future__ import annotations

import json
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.__main__ import FILE, rendered

CHECKED_IN = FILE.read_text("utf-8")
UNITS = {value for value in vars(units).values() if isinstance(value, str)}


def read_and_written(document: dict[str, Any]) -> dict[str, Any]:
    """By Grafana's model, which drops what it does not know."""
    written: dict[str, Any] = json.loads(json.dumps(Dashboard.from_json(document), cls=JSONEncoder))
    return written


def without_all_values(document: dict[str, Any]) -> dict[str, Any]:
    """The model lacks them; Grafana does not."""
    for variable in document["templating"]["list"]:
        variable.pop("allValue", None)
    return document


def test_it_is_what_the_code_makes() -> None:
    assert rendered() == CHECKED_IN, "write it again: python -m dashboards"


def test_grafana_s_model_knows_every_field() -> None:
    document = without_all_values(json.loads(CHECKED_IN))
    assert read_and_written(document) == document


def test_a_field_that_it_does_not_know_would_be_noticed() -> None:
    document = without_all_values(json.loads(CHECKED_IN))
    document["panels"][1]["thresholds_of_mine"] = 1
    assert read_and_written(document) != document


def test_units_are_grafana_s() -> None:
    panels = [panel for panel in json.loads(CHECKED_IN)["panels"] if panel["type"] != "row"]
    assert {panel["fieldConfig"]["defaults"]["unit"] for panel in panels} <= UNITS
