"""What the predict role consumes, needs and decides by, and how it changes over to another version of its model."""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace

import structlog

from models.errors import ModelError
from models.loaded import LoadedModel
from models.prediction import Model
from streams.addressing import Addressing
from streams.base_version import feature_writer
from streams.challenger_thread import ChallengerThread
from streams.challenging import Challenging
from streams.contracts import Reason, ServedBy
from streams.control_records import model_setting
from streams.decide.predict import PredictDecider
from streams.decide.serving import PredictTopics
from streams.decider import Decider
from streams.kafka.client import client_config
from streams.kafka.setting_following import follow_setting
from streams.ladder.breaker import Breaker
from streams.records import BatchReport, Decision, RecordBatch
from streams.roles import Role
from streams.served_model import ModelSource
from streams.settings import Settings
from streams.several_roles import together
from streams.switch import Switch
from streams.telemetry.breakers import BreakerTelemetry, ChallengerTelemetry
from streams.telemetry.degraded import DegradedLog
from streams.telemetry.exemplars import traced
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress
from streams.telemetry.rejected import RejectedLog
from streams.version_following import VersionFollowing
from streams.version_loading import VersionLoading

log = structlog.get_logger("streams.predict_role")

SAY_AFTER_S = 5.0
"""Of waiting to know what was promoted. There is no end to it: what answers must not depend on how fast that is."""


def predict_role(settings: Settings, metrics: Metrics, progress: Progress) -> Role:
    """Answers events with one model, or with several that the settings name. Raises ModelError, SettingsError."""
    with ExitStack() as opened:
        roles: list[Role] = []
        for further in (None, *settings.model.further):
            roles.append(model_role(settings, metrics, progress, further))
            opened.callback(roles[-1].close)
        opened.pop_all()
    names = (str(settings.model.name), *settings.model.further)
    role = roles[0] if len(roles) == 1 else together(dict(zip(names, roles, strict=True)))
    return replace(role, on_committed=functools.partial(_committed, metrics, role))


def _committed(metrics: Metrics, role: Role, batch: RecordBatch, decision: Decision) -> None:
    """Of a batch as a whole, however many models answered it."""
    if len(batch):
        seconds = time.time() - batch.stamps / 1000
        metrics.answered_after(seconds, traced(batch.headers, seconds))
    role.on_committed(batch, decision)


def model_role(settings: Settings, metrics: Metrics, progress: Progress, further: str | None = None) -> Role:
    """Answers events with the registry's active version, or the one that was promoted since, and changes over when
    another one is. `model.version` pins one, of the model that is not a `further` one. Raises ModelError,
    SettingsError."""
    lane = progress.lane("predict")
    source = ModelSource(settings, metrics, lambda: lane.searching(time.monotonic()), further)
    here = {source.name, *settings.model.further, *([settings.model.name] if settings.model.name else [])}
    addressing = Addressing(source.name, beside=here, elsewhere=source.others - here, speaks_for_all=further is None)
    topics = settings.topics
    predict_topics = PredictTopics(
        events=topics.name("events"),
        predictions=topics.name("predictions"),
        dead_letters=topics.name("dead_letters"),
        observations=topics.name("observations"),
    )
    joins, control, examples = topics.name("joins"), topics.name("control"), topics.name("examples")
    pinned = None if further else settings.model.version
    follows = pinned is None
    default: tuple[LoadedModel, Callable[[], None]] | None = None
    unservable: ModelError | None = None
    try:
        default = source.load(pinned)
    except ModelError as error:
        if not follows:
            raise
        unservable = error  # no matter, if another was promoted
    closing: list[Callable[[], None]] = [default[1]] if default else []
    breakers = BreakerTelemetry(source.name, metrics, progress)
    told = ChallengerTelemetry(source.name, metrics)

    def make_decider(counts: Mapping[str, int]) -> Decider:
        learns = further is None and counts.get(examples) and counts.get(joins)
        features = feature_writer(settings, examples) if learns else None
        loading = VersionLoading(
            settings, source, predict_topics, breakers.changed, joins, counts.get(joins, 0), features
        )
        first = loading.complete(*default) if default else None
        if first is not None:
            on_switch(first.serving.model)
        switch = Switch(first, on_switch)
        challenging = Challenging(functools.partial(start_challenger, loading), loading.encoder, told.challenging)
        if follows:
            following = VersionFollowing(
                switch,
                challenging=challenging,
                load=loading.load,
                accepted=functools.partial(
                    follow_setting, client_config(settings.kafka), control, model_setting(source.name)
                ),
                on_failure=lambda _version: metrics.model_load_failed(source.name),
            )
            closing[:] = [following.close]
            following.start()
            wait_until_known(following)
            if unservable is not None and switch.is_empty and not progress.is_stopping:
                raise unservable
        return PredictDecider(
            switch.current,
            dead_letters_topic=predict_topics.dead_letters,
            dedupe_window=settings.worker.dedupe_window,
            most_keys=settings.worker.keyed_keys,
            addressing=addressing,
            challenger=challenging.of,
        )

    def start_challenger(loading: VersionLoading, version: str, champion: Model) -> ChallengerThread:
        return ChallengerThread(
            version,
            functools.partial(loading.challenger, version, champion),
            budget_s=settings.model.challenger_budget_ms / 1000,
            breaker=Breaker(told.changed),
            on_failure=lambda _why: metrics.model_load_failed(source.name),
        )

    def wait_until_known(following: VersionFollowing) -> None:
        if not following.wait_until_known(SAY_AFTER_S):
            log.warning("waiting: which version was promoted is not known, or it is being loaded", topic=control)
        while not following.wait_until_known(0.2) and not progress.is_stopping:
            pass

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
        on_committed=functools.partial(_count, metrics, DegradedLog(), RejectedLog(), addressing),
        optional={
            **({joins: ("Write",)} if settings.labels.enabled else {}),
            **({examples: ("Write",)} if settings.learns else {}),
        },
        close=close,
    )


def _count(
    metrics: Metrics,
    degraded: DegradedLog,
    rejected: RejectedLog,
    addressing: Addressing,
    batch: RecordBatch,
    decision: Decision,
) -> None:
    report = decision.report
    if not isinstance(report, BatchReport):
        return
    by_rung: Counter[ServedBy] = Counter()
    for (version, rung), count in report.served_by.items():
        metrics.predictions(report.model, version, {rung.value: count})
        by_rung[rung] += count
    metrics.degraded(report.model, by_rung)
    degraded.committed(report.model, by_rung, report.reasons)
    by_reason: Counter[Reason] = Counter()
    for (_, reason), count in report.rejected.items():
        by_reason[reason] += count
    rejected.committed(report.model, by_rung.total(), by_reason, decision.outbox)
    if report.cache is not None:
        metrics.cache_used(report.model, report.cache)
    if report.keyed is not None:
        metrics.keys_kept(report.model, batch.topic, report.keyed)
    if report.challenger is not None:
        metrics.challenger_used(report.model, report.challenger)
    metrics.prediction_classes(report.model, report.classes)
    metrics.prediction_scores(report.model, report.scores)
    metrics.tombstones(report.model, report.tombstones)
    metrics.passed_over(addressing.passed_over(batch))
    for stage, seconds in report.stage_seconds.items():
        metrics.stage_took(stage, seconds)
    for (stage, reason), count in report.rejected.items():
        metrics.dead_letters(report.model, stage, reason, count)
