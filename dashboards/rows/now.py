"""What one looks at first."""

from __future__ import annotations

from dashboards.panel import Figure, Query, Row

NOW = Row(
    "Now",
    (
        Figure(
            "Workers ready",
            "short",
            "Those that have their model and their partitions.",
            (Query("sum(weir_ready{<workers>})", "ready"), Query("count(weir_ready{<workers>})", "there")),
            "worker.md#it-waits",
        ),
        Figure(
            "Answers a second",
            "short",
            "Of all models, whoever gave them.",
            (Query("sum(rate(weir_predictions_total{<models>}[$__rate_interval]))", "answers"),),
        ),
        Figure(
            "Latency, 99 %",
            "s",
            "From an event's timestamp to the commit of its answer.",
            (Query("max(job:weir_end_to_end_seconds:p99_rate5m{<workers>})", "p99"),),
            "worker.md#events-are-missed",
            5,
        ),
        Figure(
            "Waiting records",
            "short",
            "Not answered yet, of all topics.",
            (Query("sum(weir_consumer_lag_records{<workers>})", "records"),),
            "worker.md#lag-grows",
        ),
        Figure(
            "Budget used, 3 days",
            "percentunit",
            "Events missed, as a share of what may be missed: 0.1 %. At 1 the budget would just last.",
            (Query("max(job:weir_events_missed:ratio_rate3d{<workers>}) / 0.001", "of the budget"),),
            "worker.md#events-are-missed",
            1,
        ),
        Figure(
            "Drift alerts",
            "short",
            "Pages and tickets that stand.",
            (
                Query(
                    'sum(max by (model, severity) (weir_alerts_firing{<models>,severity!="log"})) or vector(0)',
                    "alerts",
                ),
            ),
            "drift.md#1-is-it-one-change-or-many",
            1,
        ),
    ),
)
