"""Writes the dashboard: `python -m dashboards`."""

from __future__ import annotations

from pathlib import Path

from dashboards.grafana import dashboard_json
from dashboards.rows import ROWS

FILE = Path(__file__).resolve().parent.parent / "deploy" / "grafana" / "weir.json"


def rendered() -> str:
    return dashboard_json("Weir", "weir", ROWS)


if __name__ == "__main__":
    FILE.write_text(rendered(), "utf-8")
