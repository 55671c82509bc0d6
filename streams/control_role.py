"""What the control role consumes, needs and decides by. It runs wherever drift does: that is whom it commands."""

from __future__ import annotations

import structlog

from drift.outcomes import STREAMS, layout_of
from drift.volume import KEY as VOLUME
from models.errors import ModelError
from models.registry import Registry
from streams.control_audit import control_audit
from streams.decide.control import ControlDecider, ControlReport, KnownModel
from streams.joining.state import ModelVersion
from streams.records import Decision, RecordBatch
from streams.registry import registry_of
from streams.roles import Role, watched_profiles
from streams.settings import Settings
from streams.telemetry.audit import record_action
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress

log = structlog.get_logger("streams.control_role")


def control_role(settings: Settings, _metrics: Metrics, _progress: Progress) -> Role:
    """Accepts commands for the models and signals that the drift role watches, by what the registry holds by then."""
    topics = settings.topics
    control, observations = topics.name("control"), topics.name("observations")

    registry = registry_of(settings.model)
    models: dict[str, KnownModel] = {}
    read: dict[ModelVersion, frozenset[str]] = {}

    def look() -> None:
        for of, profile in watched_profiles(registry, but=read):
            told = (key for stream in STREAMS for key in layout_of(stream, profile).keys)
            read[of] = frozenset(profile.keys).union(told, (VOLUME,))
        for name in registry.names():
            own = {of.version: keys for of, keys in read.items() if of.model == name}
            versions = tuple(version for version in registry.versions(name) if version in own)
            if own:
                models[name] = KnownModel(frozenset().union(*own.values()), versions, _default(registry, name))

    def make_decider(_counts: object) -> ControlDecider:
        look()
        return ControlDecider(
            models=models,
            look_again=look,
            control_topic=control,
            observations_topic=observations,
            events_topic=topics.name("events"),
        )

    def on_committed(batch: RecordBatch, decision: Decision) -> None:
        report = decision.report
        if not isinstance(report, ControlReport):
            return
        for line in control_audit(batch, report):
            record_action(**line)
        if report.unreadable:
            log.warning("control records skipped", unreadable=report.unreadable)

    return Role(
        name="control",
        source=control,
        rights={
            control: ("Read", "Write"),
            observations: ("Write",),
            topics.name("state"): ("Read", "Write"),
        },
        equal_partitions=(),
        make_decider=make_decider,
        on_committed=on_committed,
    )


def _default(registry: Registry, name: str) -> str | None:
    try:
        return registry.active(name)
    except ModelError as error:
        log.warning("no default version", model=name, why=str(error))
        return None
