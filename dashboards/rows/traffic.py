"""What comes, and what waits."""

from __future__ import annotations

from dashboards.panel import Graph, Query, Row, quantile

TRAFFIC = Row(
    "Traffic and lag",
    (
        Graph(
            "Records consumed",
            "short",
            "Records a second whose batch was committed.",
            (Query("sum by (topic) (rate(weir_records_consumed_total{<workers>}[$__rate_interval]))", "{{topic}}"),),
        ),
        Graph(
            "Lag",
            "short",
            "Records that wait. It should come back to 0.",
            (Query("sum by (topic) (weir_consumer_lag_records{<workers>})", "{{topic}}"),),
            "worker.md#lag-grows",
        ),
        Graph(
            "Lag by partition",
            "short",
            "The ten longest. One alone: one key has it all, or its worker is gone.",
            (
                Query(
                    "topk(10, max by (topic, partition) (weir_consumer_lag_records{<workers>}))",
                    "{{topic}}/{{partition}}",
                ),
            ),
            "worker.md#lag-grows",
        ),
        Graph(
            "What workers do",
            "percentunit",
            "Busy near 1: add a worker. Back-pressured: the broker does not take it.",
            (Query("avg by (state) (weir_worker_busy_ratio{<workers>})", "{{state}}"),),
            "worker.md#lag-grows",
            stacked=True,
        ),
        Graph(
            "Records in a batch",
            "short",
            "Half of the batches are smaller. Large: behind, or busy.",
            (Query(quantile(0.5, "weir_batch_records", "job, "), "{{job}}"),),
        ),
        Graph(
            "Not for us, or lost",
            "short",
            "Records a second: tombstones, events to models served elsewhere, and what retention deleted unread.",
            (
                Query("sum(rate(weir_tombstones_total{<models>}[$__rate_interval]))", "tombstones"),
                Query("sum(rate(weir_events_passed_over_total{<workers>}[$__rate_interval]))", "passed over"),
                Query("sum(rate(weir_records_deleted_unread_total{<workers>}[$__rate_interval]))", "deleted unread"),
            ),
            "worker.md#records-were-lost",
        ),
    ),
)
