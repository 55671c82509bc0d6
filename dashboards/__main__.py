"""Writes the dashboard: `python -m dashboards`."""

from __future__ import annotations

from pathlib import Path

from dashboards.grafana import dashboard_json
from dashboards.model_rows import DRIFT, LABELS, MODEL, PROCESS
from dashboards.serving_rows import ERRORS, HTTP, LATENCY, NOW, TRAFFIC

FILE = Path(__file__).resolve().parent.parent / "deploy" / "grafana" / "weir.json"
ROWS = (NOW, TRAFFIC, LATENCY, ERRORS, MODEL, DRIFT, HTTP, LABELS, PROCESS)


def rendered() -> str:
    return dashboard_json("Weir", "weir", ROWS)


if __name__ == "__main__":
    FILE.write_text(rendered(), "utf-8")
