"""How long it takes, and where."""

from __future__ import annotations

from dashboards.panel import Graph, Query, Row, quantile

LATENCY = Row(
    "Latency",
    (
        Graph(
            "From event to answer",
            "s",
            "From the record's timestamp to the commit. Dots are traces, where events bring them.",
            (
                Query(quantile(0.5, "weir_end_to_end_seconds"), "50 %"),
                Query(quantile(0.95, "weir_end_to_end_seconds"), "95 %"),
                Query(quantile(0.99, "weir_end_to_end_seconds"), "99 %", exemplars=True),
            ),
            "worker.md#events-are-missed",
            5,
        ),
        Graph(
            "By stage, 95 %",
            "s",
            "One stage for one batch. predict is the model, publish the transaction.",
            (Query(quantile(0.95, "weir_stage_seconds", "stage, "), "{{stage}}"),),
            "worker.md#events-are-missed",
        ),
        Graph(
            "Transactions, 95 %",
            "s",
            "Publish and commit, by how they ended.",
            (Query(quantile(0.95, "weir_transaction_seconds", "outcome, "), "{{outcome}}"),),
            "worker.md#the-broker-does-not-take-it",
        ),
    ),
)
