"""Rows about models: what answers, how well, and what has changed."""

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

LABELS = Row(
    "Labels, challengers, learning",
    (
        Graph(
            "Accuracy",
            "percentunit",
            "Share of right answers within an hour: as labels say, and as confidence lets expect.",
            (
                Query(
                    'sum by (model, version) (rate(weir_outcomes_total{<models>,right="true"}[1h])) / '
                    "sum by (model, version) (rate(weir_outcomes_total{<models>}[1h]))",
                    "{{model}} {{version}}: labels",
                ),
                Query(
                    'sum by (model, version) (rate(weir_expected_right_total{<models>,of="answers"}[1h])) / '
                    'sum by (model, version) (rate(weir_confident_total{<models>,of="answers"}[1h]))',
                    "{{model}} {{version}}: expected",
                ),
            ),
            "drift.md#2-what-changed-and-when",
        ),
        Graph(
            "Labels and answers",
            "short",
            "A second, by what became of them; and labels that are none.",
            (
                Query("sum by (fate) (rate(weir_label_join_total{<workers>}[$__rate_interval]))", "{{fate}}"),
                Query(
                    "sum by (reason) (rate(weir_labels_refused_total{<workers>}[$__rate_interval]))",
                    "refused: {{reason}}",
                ),
            ),
            "worker.md#labels-are-refused",
        ),
        Graph(
            "Waiting for labels",
            "short",
            "What is remembered for the join, and rows for the learner.",
            (
                Query("sum(weir_label_join_entries{<workers>})", "answers and labels"),
                Query("sum by (model) (weir_learner_waiting{<models>})", "{{model}}: learner"),
            ),
        ),
        Graph(
            "Challenger's rows",
            "short",
            "A second, by what came of them. Answers do not depend on it.",
            (
                Query(
                    "sum by (model, result) (rate(weir_challenger_rows_total{<models>}[$__rate_interval]))",
                    "{{model}}: {{result}}",
                ),
                Query("sum by (model) (weir_challenger_breaker_open{<models>})", "{{model}}: breakers open"),
            ),
        ),
        Graph(
            "Is the challenger better?",
            "short",
            "Decimal logarithm of the evidence. There is a verdict at log10(2 / error).",
            (
                Query("max by (model, verdict) (weir_challenger_evidence{<models>})", "{{model}}: {{verdict}}"),
                Query(
                    "sum by (model, version) (weir_challenger_active{<models>})", "{{model}} {{version}}: challenges"
                ),
            ),
        ),
        Graph(
            "Pairs compared",
            "short",
            "Labelled events of the comparison that stands.",
            (Query("max by (model, result) (weir_challenger_pairs{<models>})", "{{model}}: {{result}}"),),
        ),
        Graph(
            "Labels learnt",
            "short",
            "A second, by what became of them.",
            (
                Query(
                    "sum by (model, fate) (rate(weir_learner_examples_total{<models>}[$__rate_interval]))",
                    "{{model}}: {{fate}}",
                ),
            ),
            "worker.md#the-learner-has-diverged",
        ),
        Graph(
            "Learner against version",
            "short",
            "Events a second, by which of them was right.",
            (
                Query(
                    "sum by (model, version_right, learner_right) "
                    "(rate(weir_learner_pairs_total{<models>}[$__rate_interval]))",
                    "{{model}}: version {{version_right}}, learner {{learner_right}}",
                ),
            ),
        ),
    ),
)

PROCESS = Row(
    "Process",
    (
        Graph(
            "Memory",
            "bytes",
            "Resident, of each process.",
            (Query("process_resident_memory_bytes{<workers>} and on (instance) weir_build_info", "{{instance}}"),),
        ),
        Graph(
            "Processor",
            "percentunit",
            "1 is a whole core.",
            (
                Query(
                    "rate(process_cpu_seconds_total{<workers>}[$__rate_interval]) and on (instance) weir_build_info",
                    "{{instance}}",
                ),
            ),
        ),
        Graph(
            "Open files",
            "short",
            "Sockets among them.",
            (Query("process_open_fds{<workers>} and on (instance) weir_build_info", "{{instance}}"),),
        ),
        Graph(
            "Ready",
            "short",
            "1 while a worker can answer. A gap: it was not scraped.",
            (Query("weir_ready{<workers>}", "{{instance}}"),),
            "worker.md#it-waits",
        ),
        Graph(
            "Builds",
            "short",
            "Workers by version of Weir and Python.",
            (Query("count by (version, python) (weir_build_info{<workers>})", "{{version}}, Python {{python}}"),),
        ),
        Graph(
            "Figures dropped",
            "short",
            "Within 15 minutes. The page does not see these workers; answers do not depend on it.",
            (Query("sum by (instance) (increase(weir_figures_dropped_total{<workers>}[15m]))", "{{instance}}"),),
            "worker.md#what-is-told-gets-lost",
        ),
    ),
)
