"""What the predict role consumes, needs and decides by, and how it changes over to another version of its model."""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Callable, Mapping

from models.prediction import Model
from streams.contracts import ServedBy
from streams.control_records import model_setting
from streams.decide.predict import PredictDecider
from streams.decide.serving import PredictTopics
from streams.decider import Decider
from streams.kafka.client import BrokerUnreachable, client_config
from streams.kafka.setting_following import follow_setting
from streams.records import BatchReport, Decision, RecordBatch
from streams.roles import Role
from streams.served_model import ModelSource
from streams.settings import Settings
from streams.switch import Switch
from streams.telemetry.breakers import BreakerTelemetry
from streams.telemetry.degraded import DegradedLog
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress
from streams.version_following import VersionFollowing
from streams.version_loading import VersionLoading

KNOWN_S = 60.0
"""To read `control` and load a promoted version, before the first event is answered."""


def predict_role(settings: Settings, metrics: Metrics, progress: Progress) -> Role:
    """Answers events with the registry's active version, or the one that was promoted since, and changes over when
    another one is. `model.version` pins one. Raises ModelError, SettingsError."""
    lane = progress.lane("predict")
    source = ModelSource(settings, metrics, lambda: lane.searching(time.monotonic()))
    topics = settings.topics
    predict_topics = PredictTopics(
        events=topics.name("events"),
        predictions=topics.name("predictions"),
        dead_letters=topics.name("dead_letters"),
        observations=topics.name("observations"),
    )
    joins, control = topics.name("joins"), topics.name("control")
    first_model, close_first = source.load(settings.model.version)
    progress.model_loaded(first_model.name, first_model.version)
    metrics.model_active(first_model.name, first_model.version)
    follows = settings.model.version is None
    closing: list[Callable[[], None]] = [close_first]
    breakers = BreakerTelemetry(first_model.name, metrics, progress)

    def make_decider(counts: Mapping[str, int]) -> Decider:
        loading = VersionLoading(settings, source, predict_topics, breakers.changed, joins, counts.get(joins, 0))
        switch = Switch(loading.complete(first_model, close_first), on_switch)
        if follows:
            following = VersionFollowing(
                switch,
                load=loading.load,
                accepted=functools.partial(
                    follow_setting, client_config(settings.kafka), control, model_setting(source.name)
                ),
                on_failure=lambda _version: metrics.model_load_failed(source.name),
            )
            closing[:] = [following.close]
            following.start()
            if not following.wait_until_known(KNOWN_S):
                raise BrokerUnreachable(settings.kafka.bootstrap_servers, KNOWN_S, f"reading {control}")
        return PredictDecider(
            switch.current,
            dead_letters_topic=predict_topics.dead_letters,
            dedupe_window=settings.worker.dedupe_window,
        )

    def on_switch(model: Model) -> None:
        progress.model_loaded(model.name, model.version)
        metrics.model_active(model.name, model.version)
        breakers.switched(model.version)

    def close() -> None:
        for each in closing:
            each()

    return Role(
        name="predict",
        source=predict_topics.events,
        rights={
            predict_topics.events: ("Read",),
            predict_topics.predictions: ("Write",),
            predict_topics.dead_letters: ("Write",),
            predict_topics.observations: ("Write",),
            topics.name("state"): ("Read", "Write"),
            **({control: ("Read",)} if follows else {}),
        },
        equal_partitions=(predict_topics.events, predict_topics.predictions, predict_topics.dead_letters),
        make_decider=make_decider,
        on_committed=functools.partial(_count, metrics, DegradedLog()),
        optional={joins: ("Write",)} if settings.labels.enabled else {},
        close=close,
    )


def _count(metrics: Metrics, degraded: DegradedLog, batch: RecordBatch, decision: Decision) -> None:
    report = decision.report
    if not isinstance(report, BatchReport):
        return
    metrics.answered_after(time.time() - batch.stamps / 1000)
    by_rung: Counter[ServedBy] = Counter()
    for (version, rung), count in report.served_by.items():
        metrics.predictions(report.model, version, {rung.value: count})
        by_rung[rung] += count
    metrics.degraded(report.model, by_rung)
    degraded.committed(report.model, by_rung, report.reasons)
    if report.cache is not None:
        metrics.cache_used(report.model, report.cache)
    metrics.prediction_classes(report.model, report.classes)
    metrics.prediction_scores(report.model, report.scores)
    metrics.tombstones(report.model, report.tombstones)
    for stage, seconds in report.stage_seconds.items():
        metrics.stage_took(stage, seconds)
    for (stage, reason), count in report.rejected.items():
        metrics.dead_letters(report.model, stage, reason, count)
