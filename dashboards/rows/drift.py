"""What has changed."""

from __future__ import annotations

from dashboards.panel import Graph, Query, Row

DRIFT = Row(
    "Drift",
    (
        Graph(
            "Alerts that stand",
            "short",
            "Over all versions of a model.",
            (Query("max by (model, severity) (weir_alerts_firing{<models>})", "{{model}}: {{severity}}"),),
            "drift.md#1-is-it-one-change-or-many",
            1,
        ),
        Graph(
            "Distance from training",
            "short",
            "The ten farthest signals, in units of what is worth an alert: above 1 for long, and one comes.",
            (Query("topk(10, max by (model, signal) (weir_drift_statistic{<models>}))", "{{model}}: {{signal}}"),),
            "drift.md#2-what-changed-and-when",
            1,
        ),
    ),
)
