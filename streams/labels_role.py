"""What the two lanes of the labels role consume, need and decide by."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from streams.decide.examples import LabelWriter
from streams.decide.label_intake import IntakeReport, LabelIntakeDecider
from streams.decide.labels import JoinReport, LabelsDecider
from streams.decide.outcome_writer import OutcomeWriter
from streams.decider import Decider
from streams.joining.label_events import LabelDecoder
from streams.late_references import LateReferences
from streams.records import Decision, RecordBatch
from streams.registry import registry_of
from streams.roles import Role, watched_profiles
from streams.served_model import name_of
from streams.settings import Settings
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress

log = structlog.get_logger("streams.labels_role")


def label_intake_role(settings: Settings, metrics: Metrics, _progress: Progress) -> Role:
    """Passes labels on to the partitions of their answers."""
    labels, joins = settings.topics.name("labels"), settings.topics.name("joins")
    decoder = LabelDecoder(settings.limits.value_bytes, settings.limits.id_length)

    def make_decider(counts: Mapping[str, int]) -> Decider:
        return LabelIntakeDecider(decoder=decoder, joins_topic=joins, partitions=counts[joins])

    def on_committed(_batch: RecordBatch, decision: Decision) -> None:
        report = decision.report
        if not isinstance(report, IntakeReport):
            return
        reasons = {str(reason): count for reason, count in report.refused.items()}
        metrics.labels_refused(reasons)
        if report.examples:
            log.warning("labels refused", reasons=reasons, at=report.examples)

    return Role(
        name="label-intake",
        source=labels,
        rights={labels: ("Read",), joins: ("Write",), settings.topics.name("state"): ("Read", "Write")},
        equal_partitions=(),
        make_decider=make_decider,
        on_committed=on_committed,
    )


def labels_role(settings: Settings, metrics: Metrics, _progress: Progress) -> Role:
    """Joins answers and labels, and tells drift how right the answers were. Of a version that was published since, it
    tells from the batch on after the one in which it was looked for and found."""
    own, topics = settings.labels, settings.topics
    joins, observations = topics.name("joins"), topics.name("observations")

    registry = registry_of(settings.model)
    writer = OutcomeWriter(joins, observations)
    late = LateReferences(registry, writer.learn)
    examples = topics.name("examples")
    learner = name_of(registry, settings.model) if settings.learns else None

    def make_decider(counts: Mapping[str, int]) -> Decider:
        for of, reference in watched_profiles(registry):
            writer.learn(of, reference)
        return LabelsDecider(
            writer=writer,
            window_ms=own.window_s * 1000,
            most=max(1, own.max_waiting // counts[joins]),
            label_writer=LabelWriter(learner, examples) if learner is not None and counts.get(examples) else None,
        )

    def on_committed(_batch: RecordBatch, decision: Decision) -> None:
        report = decision.report
        if not isinstance(report, JoinReport):
            return
        metrics.join_fates({str(fate): count for fate, count in report.fates.items()})
        metrics.remembered_for_labels(report.remembered)
        for name, own in report.accuracies.items():
            metrics.outcomes(*name, right=own.right, wrong=own.outcomes - own.right)
            metrics.expected_right(*name, "answers", own.answers, own.answers_expected_right)
            metrics.expected_right(*name, "outcomes", own.labelled, own.labelled_expected_right)
        if report.unreadable:
            log.warning("join records skipped", unreadable=report.unreadable)
        late.look_for(report.unknown)

    return Role(
        name="labels",
        source=joins,
        rights={joins: ("Read",), observations: ("Write",), topics.name("state"): ("Read", "Write")},
        equal_partitions=(),
        make_decider=make_decider,
        on_committed=on_committed,
        on_assigned=metrics.labels_assigned,
        optional={examples: ("Write",)} if learner is not None else {},
    )
