"""What answers, and what answers in its place."""

from __future__ import annotations

from dashboards.panel import Graph, Query, Row

MODEL = Row(
    "Model and ladder",
    (
        Graph(
            "Version that answers",
            "short",
            "Workers by version. Two for long: a promotion did not reach all.",
            (Query("sum by (model, version) (weir_model_active{<models>})", "{{model}} {{version}}"),),
            "worker.md#a-version-cannot-be-loaded",
        ),
        Graph(
            "Answers by who gave them",
            "short",
            "A second.",
            (
                Query(
                    "sum by (model, served_by) (rate(weir_predictions_total{<models>}[$__rate_interval]))",
                    "{{model}}: {{served_by}}",
                ),
            ),
            "worker.md#answers-are-degraded",
            stacked=True,
        ),
        Graph(
            "Degraded",
            "percentunit",
            "Share of the last minute's answers that did not come from the model.",
            (Query("max by (model, rung) (weir_degraded{<models>})", "{{model}}: {{rung}}"),),
            "worker.md#answers-are-degraded",
            0.01,
        ),
        Graph(
            "Spared, or not loaded",
            "short",
            "Open breakers; and loads that failed, processes replaced, within 15 minutes.",
            (
                Query("sum by (model) (weir_breaker_open{<models>})", "{{model}}: breaker open"),
                Query(
                    "sum by (model) (increase(weir_model_load_failures_total{<models>}[15m]))", "{{model}}: not loaded"
                ),
                Query(
                    "sum by (model, cause) (increase(weir_model_restarts_total{<models>}[15m]))",
                    "{{model}}: process, {{cause}}",
                ),
            ),
            "worker.md#a-version-cannot-be-loaded",
        ),
        Graph(
            "Answers by class",
            "short",
            "A second.",
            (
                Query(
                    "sum by (model, class) (rate(weir_prediction_class_total{<models>}[$__rate_interval]))",
                    "{{model}}: {{class}}",
                ),
            ),
            stacked=True,
        ),
        Graph(
            "Score",
            "percentunit",
            "A tenth of the answers is below, half, and a tenth above.",
            tuple(
                Query(
                    f"histogram_quantile({share}, "
                    "sum by (model, le) (rate(weir_prediction_score_bucket{<models>}[$__rate_interval])))",
                    f"{{{{model}}}}: {share:.0%}",
                )
                for share in (0.1, 0.5, 0.9)
            ),
        ),
        Graph(
            "Cache of answers",
            "percentunit",
            "Share of lookups that found one. It rests where it does not pay.",
            (
                Query(
                    "sum by (model) (rate(weir_cache_hits_total{<models>}[$__rate_interval])) / "
                    "sum by (model) (rate(weir_cache_lookups_total{<models>}[$__rate_interval]))",
                    "{{model}}",
                ),
            ),
        ),
        Graph(
            "Oldest answer out of the cache",
            "s",
            "Of the last batch with a hit.",
            (Query("max by (model) (weir_cache_oldest_seconds{<models>})", "{{model}}"),),
        ),
        Graph(
            "Keys remembered",
            "short",
            "For features of a key; and keys a second that were forgotten.",
            (
                Query("sum by (model) (weir_keyed_keys{<models>})", "{{model}}"),
                Query(
                    "sum by (model, cause) (rate(weir_keyed_keys_let_go_total{<models>}[$__rate_interval]))",
                    "{{model}}: {{cause}}, a second",
                ),
            ),
            "worker.md#keys-are-forgotten",
        ),
    ),
)
