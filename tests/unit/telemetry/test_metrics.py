"""What Prometheus reads."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from drift.challenge import PairCounts
from drift.paired_test import evidence
from streams.contracts import Reason, ServedBy, Stage
from streams.ladder.degradation import CacheUse
from streams.records import ChallengerUse, KeyedUse
from streams.telemetry.busy import WINDOW_S, Activity, BusyRatio
from streams.telemetry.histograms import BulkHistogram
from streams.telemetry.labels import LIMITS, OTHER
from streams.telemetry.metrics import Metrics

NAMES = {
    "weir_records_consumed_total": {"topic"},
    "weir_records_deleted_unread_total": {"topic"},
    "weir_predictions_total": {"model", "version", "served_by"},
    "weir_dead_letters_total": {"model", "stage", "reason"},
    "weir_tombstones_total": {"model"},
    "weir_events_passed_over_total": {"model"},
    "weir_prediction_class_total": {"model", "class"},
    "weir_prediction_score": {"model"},
    "weir_stage_seconds": {"stage"},
    "weir_batch_records": set(),
    "weir_transaction_seconds": {"outcome"},
    "weir_end_to_end_seconds": set(),
    "weir_consumer_lag_records": {"topic", "partition"},
    "weir_keyed_keys": {"model", "partition"},
    "weir_keyed_keys_let_go_total": {"model", "cause"},
    "weir_worker_busy_ratio": {"state"},
    "weir_ready": set(),
    "weir_model_active": {"model", "version"},
    "weir_model_load_failures_total": {"model"},
    "weir_model_restarts_total": {"model", "cause"},
    "weir_degraded": {"model", "rung"},
    "weir_breaker_open": {"model"},
    "weir_challenger_active": {"model", "version"},
    "weir_challenger_breaker_open": {"model"},
    "weir_challenger_rows_total": {"model", "result"},
    "weir_challenger_pairs": {"model", "result"},
    "weir_challenger_evidence": {"model", "verdict"},
    "weir_cache_lookups_total": {"model"},
    "weir_cache_hits_total": {"model"},
    "weir_cache_oldest_seconds": {"model"},
    "weir_labels_refused_total": {"reason"},
    "weir_label_join_total": {"fate"},
    "weir_label_join_entries": {"partition"},
    "weir_outcomes_total": {"model", "version", "right"},
    "weir_confident_total": {"model", "version", "of"},
    "weir_expected_right_total": {"model", "version", "of"},
    "weir_learner_examples_total": {"model", "fate"},
    "weir_learner_pairs_total": {"model", "version", "version_right", "learner_right"},
    "weir_learner_waiting": {"model"},
    "weir_http_requests_total": {"route", "status"},
    "weir_http_request_seconds": {"route"},
    "weir_http_events_total": {"model", "result"},
    "weir_http_batch_events": set(),
    "weir_http_published_total": {"model", "fate"},
    "weir_figures_dropped_total": set(),
    "weir_drift_statistic": {"model", "signal"},
    "weir_alerts_firing": {"model", "severity"},
    "weir_build_info": {"version", "python"},
}
"""Names and labels that dashboards and rules rely on."""


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    return Metrics(registry)


def use_all(metrics: Metrics) -> None:
    metrics.batch_committed("events", 100, 0.004)
    metrics.transaction_ended("aborted", 0.5)
    metrics.deleted_unread("events", 3)
    metrics.figures_dropped()
    metrics.stage_took(Stage.PREDICT, 0.01)
    metrics.answered_after(np.array([0.02, 0.03]))
    metrics.predictions("churn", "3", {"model": 97})
    metrics.prediction_classes("churn", {"yes": 40, "no": 57})
    metrics.degraded("churn", {ServedBy.MODEL: 90, ServedBy.RULE: 7})
    metrics.breaker_open("churn", is_open=True)
    metrics.cache_used("churn", CacheUse(10, 4, 1.5))
    metrics.prediction_scores("churn", [0.1, 0.9])
    metrics.dead_letters("churn", Stage.DECODE, Reason.JSON, 2)
    metrics.passed_over({"other": 2})
    metrics.tombstones("churn", 1)
    metrics.assigned("events", [0, 1])
    metrics.lag("events", 0, 12)
    metrics.keys_kept("churn", "events", KeyedUse({0: 9}, {"ttl": 1, "cap": 2}))
    metrics.worker_spent(Activity.BUSY, 1.0)
    metrics.ready_when(lambda: True)
    metrics.model_active("churn", "3")
    metrics.model_restarted("churn", "deadline")
    metrics.model_load_failed("churn")
    metrics.challenger_active("churn", "4")
    metrics.challenger_breaker_open("churn", is_open=False)
    metrics.challenger_used("churn", ChallengerUse("4", answered=5, failed=1, unasked=0, published=2))
    metrics.compared("churn", PairCounts(3, 1, 6), evidence(3, 1))
    metrics.labels_refused({"json": 2})
    metrics.join_fates({"joined": 3})
    metrics.remembered_for_labels({0: 7})
    metrics.outcomes("churn", "3", right=2, wrong=1)
    metrics.expected_right("churn", "3", "answers", 5, 4.5)
    metrics.examples("churn", {"learnt": 2})
    metrics.learner_pairs("churn", "3", 2, champion_right=True, learner_right=False)
    metrics.waiting_for_the_learner("churn", 5)
    metrics.request_ended("/predict", 200, 0.01)
    metrics.http_batch("churn", {"model": 3, "feature_missing": 1})
    metrics.http_published("churn", {"delivered": 3, "queue_full": 1})
    metrics.drift_statistic("churn", "amount", 0.5)
    metrics.alerts_firing("churn", {"page": 0, "ticket": 1})


def test_every_metric_has_its_name_and_labels(registry: CollectorRegistry, metrics: Metrics) -> None:
    use_all(metrics)
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                name = re.sub(r"_(bucket|sum|count)$", "", sample.name) if family.type == "histogram" else sample.name
                found.setdefault(name, set()).update(sample.labels.keys() - {"le"})
    assert found == NAMES


def test_the_openmetrics_text_can_be_parsed(registry: CollectorRegistry, metrics: Metrics) -> None:
    use_all(metrics)
    families = {family.name: family for family in parse_openmetrics(generate_openmetrics(registry).decode())}
    assert families["weir_predictions"].samples[0].value == 97
    assert families["weir_batch_records"].type == "histogram"


def test_what_happened_is_what_is_read(registry: CollectorRegistry, metrics: Metrics) -> None:
    use_all(metrics)
    read = registry.get_sample_value
    assert read("weir_records_consumed_total", {"topic": "events"}) == 100
    assert read("weir_dead_letters_total", {"model": "churn", "stage": "decode", "reason": "json"}) == 2
    assert read("weir_transaction_seconds_count", {"outcome": "committed"}) == 1
    assert read("weir_transaction_seconds_count", {"outcome": "aborted"}) == 1
    assert read("weir_end_to_end_seconds_sum") == pytest.approx(0.05)
    assert read("weir_consumer_lag_records", {"topic": "events", "partition": "0"}) == 12
    assert read("weir_ready") == 1


def test_partitions_that_went_to_others_have_no_lag_here(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.assigned("events", [0, 1])
    metrics.lag("events", 0, 5)
    metrics.lag("events", 1, 7)
    metrics.assigned("events", [1, 2])
    metrics.lag("events", 0, 9)

    def lag(partition: str) -> float | None:
        return registry.get_sample_value("weir_consumer_lag_records", {"topic": "events", "partition": partition})

    assert (lag("0"), lag("1"), lag("2")) == (None, 7, 0)


def test_keys_are_told_of_own_partitions_and_of_the_version_that_answers(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    metrics.model_active("churn", "1")
    metrics.assigned("events", [0, 1])
    metrics.keys_kept("churn", "events", KeyedUse({0: 9, 1: 8}, {"ttl": 1, "cap": 0}))
    metrics.assigned("events", [1, 2])
    metrics.keys_kept("churn", "events", KeyedUse({0: 7}, {"ttl": 4, "cap": 2}))

    def keys(partition: str) -> float | None:
        return registry.get_sample_value("weir_keyed_keys", {"model": "churn", "partition": partition})

    assert (keys("0"), keys("1")) == (None, 8)
    assert registry.get_sample_value("weir_keyed_keys_let_go_total", {"model": "churn", "cause": "ttl"}) == 5
    metrics.model_active("churn", "2")
    assert keys("1") is None


def test_what_a_partition_remembers_for_labels_is_told_while_it_is_ours(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    metrics.remembered_for_labels({0: 7, 1: 8})
    metrics.labels_assigned([1, 2])

    def entries(partition: str) -> float | None:
        return registry.get_sample_value("weir_label_join_entries", {"partition": partition})

    assert (entries("0"), entries("1")) == (None, 8)
    metrics.labels_assigned([0])
    metrics.remembered_for_labels({0: 3})
    assert (entries("0"), entries("1")) == (3, None)


def test_only_the_version_that_answers_is_active(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.model_active("churn", "1")
    metrics.model_active("churn", "2")
    metrics.model_active("churn", "2")
    assert registry.get_sample_value("weir_model_active", {"model": "churn", "version": "1"}) is None
    assert registry.get_sample_value("weir_model_active", {"model": "churn", "version": "2"}) == 1


def test_names_from_outside_cannot_make_metrics_without_end(registry: CollectorRegistry, metrics: Metrics) -> None:
    for i in range(LIMITS["class"] + 50):
        metrics.prediction_classes("churn", {f"class {i}": 1})
    classes = [line for line in generate_latest(registry).decode().splitlines() if "prediction_class_total{" in line]
    assert len(classes) == LIMITS["class"] + 1
    assert registry.get_sample_value("weir_prediction_class_total", {"model": "churn", "class": OTHER}) == 50


@given(st.lists(st.lists(st.floats(allow_nan=True) | st.sampled_from([0.0, 1.0, 2.0]), max_size=20), max_size=5))
def test_bulk_counts_are_those_of_one_by_one(batches: list[list[float]]) -> None:
    registry = CollectorRegistry()
    histogram = BulkHistogram("h", "", (0.0, 1.0, 2.0), ("who",), registry)
    for batch in batches:
        histogram.observe(np.array(batch), "me")
        for value in batch:
            histogram.observe_one(value, "other")
    values = [value for batch in batches for value in batch if math.isfinite(value)]
    if batches:
        for bound, name in ((0.0, "0.0"), (1.0, "1.0"), (2.0, "2.0"), (math.inf, "+Inf")):
            expected = sum(value <= bound for value in values)
            assert registry.get_sample_value("h_bucket", {"who": "me", "le": name}) == expected
            assert (registry.get_sample_value("h_bucket", {"who": "other", "le": name}) or 0) == expected
        assert registry.get_sample_value("h_count", {"who": "me"}) == len(values)


def test_busy_shares_add_up_and_forget() -> None:
    busy = BusyRatio("b", "", CollectorRegistry())
    assert sum(busy.ratios().values()) == 0
    busy.spent(Activity.BUSY, 3.0)
    busy.spent(Activity.IDLE, 1.0)
    assert busy.ratios() == {Activity.BUSY: 0.75, Activity.IDLE: 0.25, Activity.BACK_PRESSURED: 0.0}
    for _ in range(2):
        busy.spent(Activity.BACK_PRESSURED, WINDOW_S)
    assert busy.ratios()[Activity.BACK_PRESSURED] == 1.0


def test_nothing_reaches_the_global_registry(metrics: Metrics) -> None:
    use_all(metrics)
    from prometheus_client import REGISTRY

    assert b"weir_" not in generate_latest(REGISTRY)


def test_rare_counts_begin_at_zero_or_their_first_increase_would_not_be_seen(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    metrics.assigned("events", [0])
    metrics.model_active("churn", "3")
    assert registry.get_sample_value("weir_records_deleted_unread_total", {"topic": "events"}) == 0
    assert registry.get_sample_value("weir_model_load_failures_total", {"model": "churn"}) == 0
    assert registry.get_sample_value("weir_figures_dropped_total") == 0
