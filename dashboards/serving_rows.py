"""Rows about answers: how they come, how fast, and what is wrong with them."""

from __future__ import annotations

from dashboards.panel import Figure, Graph, Query, Row


def _quantile(share: float, metric: str, by: str = "") -> str:
    return f"histogram_quantile({share}, sum by ({by}le) (rate({metric}_bucket{{<workers>}}[$__rate_interval])))"


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
            (Query(_quantile(0.5, "weir_batch_records", "job, "), "{{job}}"),),
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


LATENCY = Row(
    "Latency",
    (
        Graph(
            "From event to answer",
            "s",
            "From the record's timestamp to the commit. Dots are traces, where events bring them.",
            (
                Query(_quantile(0.5, "weir_end_to_end_seconds"), "50 %"),
                Query(_quantile(0.95, "weir_end_to_end_seconds"), "95 %"),
                Query(_quantile(0.99, "weir_end_to_end_seconds"), "99 %", exemplars=True),
            ),
            "worker.md#events-are-missed",
            5,
        ),
        Graph(
            "By stage, 95 %",
            "s",
            "One stage for one batch. predict is the model, publish the transaction.",
            (Query(_quantile(0.95, "weir_stage_seconds", "stage, "), "{{stage}}"),),
            "worker.md#events-are-missed",
        ),
        Graph(
            "Transactions, 95 %",
            "s",
            "Publish and commit, by how they ended.",
            (Query(_quantile(0.95, "weir_transaction_seconds", "outcome, "), "{{outcome}}"),),
            "worker.md#the-broker-does-not-take-it",
        ),
    ),
)

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

HTTP = Row(
    "HTTP",
    (
        Graph(
            "Requests by status",
            "reqps",
            "Of all routes. 499: the caller went away.",
            (Query("sum by (status) (rate(weir_http_requests_total{<workers>}[$__rate_interval]))", "{{status}}"),),
            "worker.md#requests-over-http-fail",
            stacked=True,
        ),
        Graph(
            "Time of a request, 99 %",
            "s",
            "From its head to the answer written. Dots are traces, where requests bring them.",
            (Query(_quantile(0.99, "weir_http_request_seconds", "route, "), "{{route}}", exemplars=True),),
            "worker.md#requests-over-http-fail",
            1,
        ),
        Graph(
            "Events by result",
            "short",
            "A second: who answered, or the reason why nobody did.",
            (Query("sum by (result) (rate(weir_http_events_total{<models>}[$__rate_interval]))", "{{result}}"),),
            "worker.md#requests-over-http-fail",
            stacked=True,
        ),
        Graph(
            "Events put to the model together",
            "short",
            "Half of the batches are smaller.",
            (Query(_quantile(0.5, "weir_http_batch_events", "job, "), "{{job}}"),),
        ),
        Graph(
            "Published to Kafka",
            "short",
            "Answered events a second, by what became of them (http.publish).",
            (Query("sum by (fate) (rate(weir_http_published_total{<models>}[$__rate_interval]))", "{{fate}}"),),
            "worker.md#what-is-told-gets-lost",
        ),
    ),
)
