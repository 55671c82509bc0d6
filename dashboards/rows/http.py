"""Requests."""

from __future__ import annotations

from dashboards.panel import Graph, Query, Row, quantile

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
            (Query(quantile(0.99, "weir_http_request_seconds", "route, "), "{{route}}", exemplars=True),),
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
            (Query(quantile(0.5, "weir_http_batch_events", "job, "), "{{job}}"),),
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
