"""What labels say, of the model and of those that would replace it."""

from __future__ import annotations

from dashboards.panel import Graph, Query, Row

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
