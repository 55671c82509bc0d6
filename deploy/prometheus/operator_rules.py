"""The Prometheus operator's copy of the rules: `make rules` writes it, and a test holds it.

Kustomize cannot put one YAML file into another, so the copy is checked in.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "deploy/prometheus/rules.yaml"
COPY = ROOT / "k8s/components/prometheus-operator/rules.yaml"


def manifest() -> dict[str, Any]:
    """A PrometheusRule with the groups of the source."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "weir", "labels": {"app.kubernetes.io/part-of": "weir"}},
        "spec": yaml.safe_load(SOURCE.read_text("utf-8")),
    }


def text() -> str:
    """As it is checked in."""
    body = yaml.safe_dump(manifest(), sort_keys=False, allow_unicode=True, width=120)
    return f"# Written by `make rules` from {SOURCE.relative_to(ROOT)}.\n{body}"


if __name__ == "__main__":
    COPY.write_text(text(), "utf-8")
