"""What is not answered, or late."""

from __future__ import annotations

from dashboards.panel import Graph, Query, Row

ERRORS = Row(
    "Errors and dead letters",
    (
        Graph(
            "Dead letters by reason",
            "short",
            "Events a second that were not answered.",
            (
                Query(
                    "sum by (stage, reason) (rate(weir_dead_letters_total{<models>}[$__rate_interval]))",
                    "{{stage}}: {{reason}}",
                ),
            ),
            "worker.md#dead-letters-come",
            stacked=True,
        ),
        Graph(
            "Share of dead letters",
            "percentunit",
            "Of the events to a model.",
            (Query("max by (model) (job_model:weir_dead_letters:ratio_rate5m{<models>})", "{{model}}"),),
            "worker.md#dead-letters-come",
            0.01,
        ),
        Graph(
            "Budget burned",
            "short",
            "Events missed, in multiples of what may be missed (0.1 %). A page at 14.4 for an hour, or 6 for six.",
            (
                Query("max(job:weir_events_missed:ratio_rate1h{<workers>}) / 0.001", "1 h"),
                Query("max(job:weir_events_missed:ratio_rate6h{<workers>}) / 0.001", "6 h"),
                Query("max(job:weir_events_missed:ratio_rate3d{<workers>}) / 0.001", "3 days"),
            ),
            "worker.md#events-are-missed",
            14.4,
        ),
        Graph(
            "Transactions that did not commit",
            "short",
            "A second. Their batches are done again; nothing is lost or doubled.",
            (
                Query(
                    "sum by (outcome) "
                    '(rate(weir_transaction_seconds_count{<workers>,outcome!="committed"}[$__rate_interval]))',
                    "{{outcome}}",
                ),
            ),
            "worker.md#the-broker-does-not-take-it",
        ),
    ),
)
