"""The metrics of one process, by the names that dashboards and rules rely on. Methods are named for what happened.

They are called once a batch or less, from any thread. Every label has a bounded number of values.
"""

from __future__ import annotations

import math
import platform
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version as distribution_version
from typing import Literal, TypeAlias

from numpy.typing import ArrayLike
from prometheus_client import CollectorRegistry, Counter, Gauge

from drift.challenge import PairCounts
from drift.paired_test import Evidence
from streams.contracts import Reason, ServedBy, Stage
from streams.ladder.degradation import CacheUse
from streams.records import ChallengerUse, KeyedUse
from streams.telemetry.busy import Activity, BusyRatio
from streams.telemetry.degraded import DegradedShare
from streams.telemetry.exemplars import Traced
from streams.telemetry.histograms import BulkHistogram
from streams.telemetry.labels import BoundedLabels

Outcome: TypeAlias = Literal["committed", "aborted", "unknown"]

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
END_TO_END_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
RECORDS = (1, 4, 16, 64, 256, 1024, 2048, 4096, 8192, 16384)
SCORES = tuple(i / 20 for i in range(21))


class Metrics:
    """Every metric of contracts.md that this release has a source for, in a registry of the caller's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=registry)

        def histogram(name: str, text: str, bounds: tuple[float, ...], *labels: str) -> BulkHistogram:
            return BulkHistogram(name, text, bounds, labels, registry)

        self._records = counter("weir_records_consumed_total", "Records whose batch was committed.", "topic")
        text = "Records that were deleted before anybody read them."
        self._deleted = counter("weir_records_deleted_unread_total", text, "topic")
        self._predictions = counter("weir_predictions_total", "Events answered.", "model", "version", "served_by")
        self._dead_letters = counter("weir_dead_letters_total", "Events not answered.", "model", "stage", "reason")
        self._tombstones = counter("weir_tombstones_total", "Records without a value, which need no answer.", "model")
        self._passed_over = counter("weir_events_passed_over_total", "Events to a model not served here.", "model")
        self._classes = counter("weir_prediction_class_total", "Events answered with a class.", "model", "class")
        self._scores = histogram("weir_prediction_score", "Scores of answers.", SCORES, "model")
        self._stages = histogram("weir_stage_seconds", "Time of one stage for one batch.", SECONDS, "stage")
        self._batches = histogram("weir_batch_records", "Records in a batch.", RECORDS)
        self._transactions = histogram("weir_transaction_seconds", "Publish and commit.", SECONDS, "outcome")
        self._end_to_end = histogram("weir_end_to_end_seconds", "Record time to commit.", END_TO_END_SECONDS)
        self._lag = gauge("weir_consumer_lag_records", "Records not yet answered.", "topic", "partition")
        self._ready = gauge("weir_ready", "1 when this process can answer.")
        self._model = gauge("weir_model_active", "1 for the model version that answers.", "model", "version")
        self._restarts = counter("weir_model_restarts_total", "Model processes replaced.", "model", "cause")
        self._unloadable = counter("weir_model_load_failures_total", "Versions that could not be loaded.", "model")
        self._breaker = gauge("weir_breaker_open", "1 while the model is not asked, or about few rows.", "model")
        self._challenger = gauge("weir_challenger_active", "1 for the version that challenges.", "model", "version")
        self._challenger_breaker = gauge("weir_challenger_breaker_open", "1 while it is spared.", "model")
        self._challenger_rows = counter(
            "weir_challenger_rows_total", "Rows that the version answered which is challenged.", "model", "result"
        )
        self._pairs = gauge("weir_challenger_pairs", "Labelled pairs of the comparison.", "model", "result")
        self._evidence = gauge("weir_challenger_evidence", "Decimal logarithm of the e-value.", "model", "verdict")
        self._cache_lookups = counter("weir_cache_lookups_total", "Rows looked up in the cache of answers.", "model")
        self._cache_hits = counter("weir_cache_hits_total", "Of them, those that were found.", "model")
        self._cache_age = gauge("weir_cache_oldest_seconds", "Age of the oldest answer last taken from it.", "model")
        self._degraded = DegradedShare("weir_degraded", "Share of a minute's answers that a rung gave.", registry)
        self._statistic = gauge("weir_drift_statistic", "The detector's statistic.", "model", "signal")
        self._firing = gauge("weir_alerts_firing", "Alerts that stand.", "model", "severity")
        self._refused_labels = counter("weir_labels_refused_total", "Records of labels that are none.", "reason")
        self._fates = counter("weir_label_join_total", "Answers and labels by what became of them.", "fate")
        self._outcomes = counter("weir_outcomes_total", "Answers whose label came.", "model", "version", "right")
        self._confident = counter("weir_confident_total", "Answers with a confidence.", "model", "version", "of")
        self._expected = counter("weir_expected_right_total", "Of them, probably right.", "model", "version", "of")
        self._keys = gauge("weir_keyed_keys", "Keys that keyed features remember.", "model", "partition")
        self._keys_let_go = counter("weir_keyed_keys_let_go_total", "Keys forgotten, by cause.", "model", "cause")
        self._waiting = gauge("weir_label_join_entries", "Answers and labels remembered for the join.", "partition")
        text = "Labels that came to the learner, by what became of them."
        self._examples = counter("weir_learner_examples_total", text, "model", "fate")
        text = "Events that a version and the learner answered, by which of them was right."
        self._learner_pairs = counter(
            "weir_learner_pairs_total", text, "model", "version", "version_right", "learner_right"
        )
        self._waiting_rows = gauge("weir_learner_waiting", "Answered events whose features wait for a label.", "model")
        self._requests = counter("weir_http_requests_total", "Requests over HTTP.", "route", "status")
        self._requests_of: dict[tuple[str, int], Counter] = {}
        self._request_seconds = histogram("weir_http_request_seconds", "Head of a request to answer.", SECONDS, "route")
        self._http_events = counter("weir_http_events_total", "Events in requests.", "model", "result")
        self._http_published = counter("weir_http_published_total", "Events for Kafka, by their fate.", "model", "fate")
        self._http_batches = histogram("weir_http_batch_events", "Events put to the model together.", RECORDS)
        text = "Figures for the page that did not get to Kafka."
        self._figures_dropped = counter("weir_figures_dropped_total", text)
        self._busy = BusyRatio(
            "weir_worker_busy_ratio",
            "Share of recent time: busy with batches, idle, or waiting for a broker that did not take them.",
            registry,
        )
        build = gauge("weir_build_info", "1, with the build in its labels.", "version", "python")
        build.labels(distribution_version("weir-streaming"), platform.python_version()).set(1)
        self._lock = threading.Lock()
        self._partitions: dict[str, set[int]] = {}
        self._remembering: set[int] = set()
        self._keyed: dict[str, set[tuple[str, int]]] = {}
        self._active: dict[str, str] = {}
        self._challengers: dict[str, str] = {}
        self._bounded = BoundedLabels()

    # --- batches and transactions ---------------------------------------------------------------------------------

    def batch_committed(self, topic: str, records: int, seconds: float) -> None:
        """A batch of `topic` was answered, committed and will not be seen again; `seconds`: publish and commit."""
        self._records.labels(topic).inc(records)
        self._batches.observe_one(records)
        self.transaction_ended("committed", seconds)

    def transaction_ended(self, outcome: Outcome, seconds: float) -> None:
        """A transaction came to its end, or to nobody knows which."""
        self._transactions.observe_one(seconds, outcome)

    def stage_took(self, stage: Stage, seconds: float) -> None:
        """One stage is done with one batch."""
        self._stages.observe_one(seconds, stage.value)

    def answered_after(self, seconds: ArrayLike, traced: Sequence[Traced] = ()) -> None:
        """End-to-end latencies of a batch, an array: record time to commit. `traced`: those of records with a trace."""
        self._end_to_end.observe(seconds, traced=traced)

    # --- answers --------------------------------------------------------------------------------------------------

    def predictions(self, model: str, version: str, served_by: Mapping[str, int]) -> None:
        """Answers of a committed batch, by who served them."""
        model, version = self._bounded("model", model), self._bounded("version", version)
        for rung, count in served_by.items():
            self._predictions.labels(model, version, rung).inc(count)

    def degraded(self, model: str, by_rung: Mapping[ServedBy, int]) -> None:
        """Answers of a committed batch, those of the model among them."""
        self._degraded.answered(self._bounded("model", model), by_rung)

    def cache_used(self, model: str, use: CacheUse) -> None:
        """What a committed batch had from the cache of answers."""
        model = self._bounded("model", model)
        self._cache_lookups.labels(model).inc(use.lookups)
        self._cache_hits.labels(model).inc(use.hits)
        if use.hits:
            self._cache_age.labels(model).set(use.oldest_s)

    def prediction_classes(self, model: str, counts: Mapping[str, int]) -> None:
        """Answers of a committed batch by class; classes beyond the first hundred are counted as ``other``."""
        model = self._bounded("model", model)
        for name, count in counts.items():
            self._classes.labels(model, self._bounded("class", name)).inc(count)

    def prediction_scores(self, model: str, scores: ArrayLike) -> None:
        """Scores of a committed batch, an array."""
        self._scores.observe(scores, self._bounded("model", model))

    def dead_letters(self, model: str, stage: Stage, reason: Reason, count: int) -> None:
        """Events of a committed batch that went to the dead letters."""
        self._dead_letters.labels(self._bounded("model", model), stage.value, reason.value).inc(count)

    def tombstones(self, model: str, count: int) -> None:
        """Records of a committed batch without a value."""
        self._tombstones.labels(self._bounded("model", model)).inc(count)

    # --- this process ---------------------------------------------------------------------------------------------

    def assigned(self, topic: str, partitions: Iterable[int]) -> None:
        """These partitions of a topic are ours now; the lag of the others is no longer ours to tell."""
        self._deleted.labels(topic)  # from 0 on, or `increase` would not see the first
        with self._lock:
            mine = self._partitions.get(topic, set())
            self._partitions[topic] = set(partitions)
            for gone in mine - self._partitions[topic]:
                self._lag.remove(topic, str(gone))
            for model in self._keyed:
                self._forget_keys(model, {(topic, gone) for gone in mine - self._partitions[topic]})
            for partition in self._partitions[topic] - mine:
                self._lag.labels(topic, str(partition)).set(0)

    def deleted_unread(self, topic: str, records: int) -> None:
        """Retention was faster than we: these records have no answer."""
        self._deleted.labels(topic).inc(records)

    def lag(self, topic: str, partition: int, records: int) -> None:
        """Records still to be answered in a partition that is assigned here; of others nothing is told."""
        with self._lock:
            if partition in self._partitions.get(topic, ()):
                self._lag.labels(topic, str(partition)).set(records)

    def passed_over(self, events: Mapping[str, int]) -> None:
        """Events of a committed batch that name models which are not asked here, by the name."""
        for model, count in events.items():
            self._passed_over.labels(self._bounded("model", model)).inc(count)

    def keys_kept(self, model: str, topic: str, use: KeyedUse) -> None:
        """What a model's keyed features remember after a committed batch of a topic, in partitions that are assigned
        here."""
        with self._lock:
            for partition, keys in use.keys.items():
                if partition in self._partitions.get(topic, ()):
                    self._keyed.setdefault(model, set()).add((topic, partition))
                    self._keys.labels(self._bounded("model", model), str(partition)).set(keys)
        for cause, count in use.let_go.items():
            self._keys_let_go.labels(self._bounded("model", model), cause).inc(count)

    def _forget_keys(self, model: str, partitions: set[tuple[str, int]]) -> None:
        for _, partition in partitions & self._keyed.get(model, set()):
            self._keys.remove(self._bounded("model", model), str(partition))
        self._keyed[model] = self._keyed.get(model, set()) - partitions

    def worker_spent(self, activity: Activity, seconds: float) -> None:
        """A lane spent time: with batches, idle, or held up."""
        self._busy.spent(activity, seconds)

    def ready_when(self, ready: Callable[[], bool]) -> None:
        """Ask `ready` at each scrape."""
        self._ready.set_function(lambda: float(ready()))

    def model_active(self, model: str, version: str) -> None:
        """From now on this version of the model answers."""
        with self._lock:
            before = self._active.get(model)
            if before is not None and before != version:
                self._model.remove(model, before)
                # The next batch says what the new version remembers, if anything.
                self._forget_keys(model, self._keyed.get(model, set()))
            self._active[model] = version
            self._model.labels(model, version).set(1)
        self._unloadable.labels(self._bounded("model", model))  # from 0 on, or `increase` would not see the first

    def breaker_open(self, model: str, *, is_open: bool) -> None:
        """Whether the model is spared, as one that failed on everything."""
        self._breaker.labels(self._bounded("model", model)).set(is_open)

    def model_load_failed(self, model: str) -> None:
        """A version that was promoted cannot be loaded; the one before goes on."""
        self._unloadable.labels(self._bounded("model", model)).inc()

    def challenger_active(self, model: str, version: str | None) -> None:
        """From now on this version challenges the one that answers, or none."""
        with self._lock:
            before = self._challengers.pop(model, None)
            if before is not None:
                self._challenger.remove(model, before)
            if version is not None:
                self._challengers[model] = version
                self._challenger.labels(model, version).set(1)

    def challenger_breaker_open(self, model: str, *, is_open: bool) -> None:
        """Whether the challenger is spared, as one that failed on everything or was too slow."""
        self._challenger_breaker.labels(self._bounded("model", model)).set(is_open)

    def challenger_used(self, model: str, use: ChallengerUse) -> None:
        """What the challenger made of a committed batch."""
        model = self._bounded("model", model)
        for result, rows in (("answered", use.answered), ("failed", use.failed), ("unasked", use.unasked)):
            self._challenger_rows.labels(model, result).inc(rows)

    def model_restarted(self, model: str, cause: Literal["deadline", "died", "start"]) -> None:
        """The model's process was ended or ended itself, and another one takes over."""
        self._restarts.labels(self._bounded("model", model), cause).inc()

    # --- labels ---------------------------------------------------------------------------------------------------

    def labels_refused(self, reasons: Mapping[str, int]) -> None:
        """Records of a committed batch that are no labels, by reason."""
        for reason, count in reasons.items():
            self._refused_labels.labels(reason).inc(count)

    def join_fates(self, fates: Mapping[str, int]) -> None:
        """What became of answers and labels (streams.joining.Fate)."""
        for fate, count in fates.items():
            self._fates.labels(fate).inc(count)

    def outcomes(self, model: str, version: str, *, right: int, wrong: int) -> None:
        """Answers whose labels came."""
        names = self._bounded("model", model), self._bounded("version", version)
        self._outcomes.labels(*names, "true").inc(right)
        self._outcomes.labels(*names, "false").inc(wrong)

    def expected_right(
        self, model: str, version: str, of: Literal["answers", "outcomes"], count: int, right: float
    ) -> None:
        """Answers that the model had a confidence in, or those of them whose label came, and how many of these are
        right by what confidence was worth so far."""
        names = self._bounded("model", model), self._bounded("version", version), of
        self._confident.labels(*names).inc(count)
        self._expected.labels(*names).inc(right)

    def remembered_for_labels(self, entries: Mapping[int, int]) -> None:
        """Answers and labels that a partition of ours remembers now."""
        with self._lock:
            for partition, count in entries.items():
                self._remembering.add(partition)
                self._waiting.labels(str(partition)).set(count)

    def labels_assigned(self, partitions: Iterable[int]) -> None:
        """These partitions are joined here now; what others remember is no longer ours to tell."""
        with self._lock:
            for gone in self._remembering - set(partitions):
                self._waiting.remove(str(gone))
            self._remembering &= set(partitions)

    def compared(self, model: str, counts: PairCounts, evidence: Evidence) -> None:
        """What the standing comparison of a model comes to."""
        model = self._bounded("model", model)
        for result, pairs in (("better", counts.better), ("worse", counts.worse), ("equal", counts.equal)):
            self._pairs.labels(model, result).set(pairs)
        for verdict, nats in (("better", evidence.better), ("worse", evidence.worse)):
            self._evidence.labels(model, verdict).set(nats / math.log(10))

    # --- learning -------------------------------------------------------------------------------------------------

    def examples(self, model: str, fates: Mapping[str, int]) -> None:
        """What became of labels that came to the learner (streams.learning.report.ExampleFate)."""
        for fate, count in fates.items():
            self._examples.labels(self._bounded("model", model), fate).inc(count)

    def learner_pairs(self, model: str, version: str, count: int, *, champion_right: bool, learner_right: bool) -> None:
        """Events that a version answered and the learner too, each before it learnt the label."""
        names = self._bounded("model", model), self._bounded("version", version)
        self._learner_pairs.labels(*names, str(champion_right).lower(), str(learner_right).lower()).inc(count)

    def waiting_for_the_learner(self, model: str, rows: int) -> None:
        """Answered events whose features are kept."""
        self._waiting_rows.labels(self._bounded("model", model)).set(rows)

    # --- http -----------------------------------------------------------------------------------------------------

    def request_ended(self, route: str, status: int, seconds: float, trace_id: str | None = None) -> None:
        """A request was answered, or its caller went away. `route` is one of the door's, or ``other``."""
        key = route, status
        counter = self._requests_of.get(key)
        if counter is None:  # routes and statuses are few; to look a label up costs more than to count
            counter = self._requests_of[key] = self._requests.labels(route, str(status))
        counter.inc()
        self._request_seconds.observe_one(seconds, route, trace_id=trace_id)

    def http_batch(self, model: str, results: Mapping[str, int]) -> None:
        """Events that were put to a model together, by who answered (ServedBy) or why nobody did (Reason)."""
        model = self._bounded("model", model)
        for result, count in results.items():
            self._http_events.labels(model, result).inc(count)
        self._http_batches.observe_one(sum(results.values()))

    def http_published(self, model: str, fates: Mapping[str, int]) -> None:
        """What became of events of requests that were to be published."""
        for fate, count in fates.items():
            self._http_published.labels(self._bounded("model", model), fate).inc(count)

    def figures_dropped(self) -> None:
        """Of what this process tells for the page, once did not get to Kafka."""
        self._figures_dropped.inc()

    # --- drift ----------------------------------------------------------------------------------------------------

    def drift_statistic(self, model: str, signal: str, value: float) -> None:
        """The newest value of a signal's detector."""
        self._statistic.labels(self._bounded("model", model), self._bounded("signal", signal)).set(value)

    def alerts_firing(self, model: str, by_severity: Mapping[str, int]) -> None:
        """Alerts of a model that stand now, for every severity (0 for none)."""
        for severity, count in by_severity.items():
            self._firing.labels(self._bounded("model", model), severity).set(count)

    def drift_left(self) -> None:
        """What was watched here is watched elsewhere, or will be told again: what was told of it stands no longer."""
        for gauge in (self._statistic, self._firing, self._pairs, self._evidence):
            gauge.clear()
