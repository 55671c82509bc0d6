"""What each role of a worker consumes, needs and decides by. Loading happens here, on the role's own thread."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field

import structlog

from drift.outcome_watch import OutcomeWatch
from drift.outcomes import STREAMS
from drift.profile import ProfileError, ReferenceProfile, decode_profile
from drift.settings import DetectorSpec, DriftSettings, SignalDetectors
from drift.watch import Watch
from models.errors import ModelError
from models.registry import Registry
from streams.decide.comparing import verdict_words
from streams.decide.drift import DriftDecider, DriftReport
from streams.decide.drift_runs import WatchKey
from streams.decide.drift_turn import AnyWatch
from streams.decider import Decider
from streams.detectors import detector_factories
from streams.joining.state import ModelVersion
from streams.kafka.rights import Operation
from streams.late_references import LateReferences
from streams.limits import Limits
from streams.records import Decision, RecordBatch
from streams.registry import registry_of
from streams.removed_versions import RemovedVersions
from streams.settings import Settings
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress

log = structlog.get_logger("streams.roles")

SEVERITIES = ("page", "ticket", "log")


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """`rights`: the topics that must exist before the lane starts, with what it does to them; those in
    `equal_partitions` have the same partition count. Those in `optional` are used if they are there at the start.

    `make_decider` gets the partition counts by topic name; `on_committed` counts what a decision came to; `on_assigned`
    hears which partitions are read from now on; `close` ends what the role started, after its lane.
    """

    name: str
    source: str
    rights: Mapping[str, tuple[Operation, ...]]
    equal_partitions: tuple[str, ...]
    make_decider: Callable[[Mapping[str, int]], Decider]
    on_committed: Callable[[RecordBatch, Decision], None]
    optional: Mapping[str, tuple[Operation, ...]] = field(default_factory=dict)
    on_assigned: Callable[[list[int]], None] = lambda _partitions: None
    close: Callable[[], None] = lambda: None

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(self.rights)


def drift_role(settings: Settings, metrics: Metrics, _progress: Progress) -> Role:
    """Watches every version in the registry whose reference profile can be read, also those that are published while it
    runs. Raises SettingsError."""
    factories = detector_factories(settings)
    registry = registry_of(settings.model)
    topics = settings.topics
    events, observations, alerts = topics.name("events"), topics.name("observations"), topics.name("alerts")
    control = topics.name("control")

    def make_decider(counts: Mapping[str, int]) -> Decider:
        watches: dict[WatchKey, AnyWatch] = {}
        own = drift_settings(settings)

        def watch_over(of: ModelVersion, profile: ReferenceProfile) -> None:
            watches[WatchKey(*of)] = Watch(*of, profile, own, counts[events], factories)
            for stream in STREAMS:
                watch = OutcomeWatch(*of, stream, profile, own, settings.labels.burn_in, factories)
                watches[WatchKey(*of, stream)] = watch

        for of, profile in watched_profiles(registry):
            watch_over(of, profile)
        for pattern in own.unmatched({key for watch in watches.values() for key in watch.keys}):
            log.warning("detectors are chosen for no signal", setting=f'drift.signals."{pattern}"')
        late = LateReferences(registry, watch_over)
        return DriftDecider(
            watches=watches,
            events_topic=events,
            alerts_topic=alerts,
            control_topic=control,
            observations_topic=observations,
            look_for=late.look_for,
            removed=RemovedVersions(registry).among,
        )

    standing: dict[str, dict[WatchKey, Mapping[str, int]]] = {}
    read_here: set[int] = set()

    def on_assigned(partitions: list[int]) -> None:
        if read_here - set(partitions):  # else another worker would tell of a model, and this one go on with old news
            standing.clear()
            metrics.drift_left()
        read_here.clear()
        read_here.update(partitions)

    def on_committed(_batch: RecordBatch, decision: Decision) -> None:
        report = decision.report
        if not isinstance(report, DriftReport):
            return
        for alert in report.alerts:
            about = {"alert_id": alert.alert_id, "state": alert.state, "severity": alert.severity}
            log.warning("alert", dedupe_key=alert.dedupe_key, **about)
        for command_id, answer in report.answers.items():
            log.info("command", id=command_id, outcome=answer.outcome, why=answer.why)
        for key, figures in report.figures.items():
            model = key.model
            versions = standing.setdefault(model, {})
            versions[key] = {str(severity): count for severity, count in figures.firing.items()}
            for signal, statistic in figures.statistics.items():
                metrics.drift_statistic(model, signal, statistic)
            counts = {severity: sum(own.get(severity, 0) for own in versions.values()) for severity in SEVERITIES}
            metrics.alerts_firing(model, counts)
        for model, comparison in report.comparisons.items():
            metrics.compared(model, comparison.counts, comparison.judgement().evidence)
        for comparison in report.decided:
            log.warning("challenge decided", why=verdict_words(comparison))
        if report.unreadable or report.unknown:
            log.warning("observations skipped", unreadable=report.unreadable, unknown_models=[*report.unknown])

    return Role(
        name="drift",
        source=observations,
        rights={
            observations: ("Read", "Write"),
            alerts: ("Write",),
            control: ("Write",),
            events: ("Describe",),
            topics.name("state"): ("Read", "Write"),
        },
        equal_partitions=(),
        make_decider=make_decider,
        on_committed=on_committed,
        on_assigned=on_assigned,
    )


def watched_profiles(
    registry: Registry, but: Container[ModelVersion] = ()
) -> Iterator[tuple[ModelVersion, ReferenceProfile]]:
    """Every version in the registry `but` these with its reference; what has none that can be read is logged and left
    out."""
    every = (ModelVersion(name, version) for name in registry.names() for version in registry.versions(name))
    for of in every:
        if of in but:
            continue
        try:
            yield of, decode_profile(registry.reference(*of))
        except (ModelError, ProfileError) as error:
            log.warning("not watched: no readable reference", model=of.model, version=of.version, why=str(error))


def limits_of(settings: Settings) -> Limits:
    """The part of the settings that says what an event may be."""
    own = settings.limits
    return Limits(
        value_bytes=own.value_bytes,
        depth=own.depth,
        id_length=own.id_length,
        max_ahead_s=own.max_ahead_s,
        strict_json=own.strict_json,
    )


def drift_settings(settings: Settings) -> DriftSettings:
    """The part of the settings that drift knows."""
    own = settings.drift
    return DriftSettings(
        block_events=own.block_events,
        block_ms=own.block_ms,
        allowed_lateness_ms=own.allowed_lateness_ms,
        max_hold_ms=own.max_hold_ms,
        false_page_days=own.false_page_days,
        shift_sd=own.shift_sd,
        share_change=own.share_change,
        quality_change=own.quality_change,
        correlation_change=own.correlation_change,
        persistence=own.persistence,
        recovery=own.recovery,
        volume_window_ms=own.volume_window_ms,
        detectors=(DetectorSpec(own.detector.name, dict(own.detector.parameters)),),
        signals=tuple(
            SignalDetectors(pattern, (DetectorSpec(chosen.name, dict(chosen.parameters)),))
            for pattern, chosen in own.signals.items()
        ),
    )
