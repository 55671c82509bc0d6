"""The decision of the labels role: answers and labels in; what came of the answers out, for drift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np

from streams.decide.examples import LabelWriter
from streams.decide.outcome_writer import OutcomeWriter
from streams.decider import PartitionState
from streams.joining.join import Step, join
from streams.joining.outcomes import Fate
from streams.joining.records import JoinRecord, decode_join
from streams.joining.state import JoinState, ModelVersion
from streams.records import Decision, OutboxRecord, RecordBatch


@dataclass
class Accuracy:
    """Of one model version: outcomes and those that were right; and of answers with a confidence, and of those among
    them whose label came, how many there were and how many were expected to be right."""

    outcomes: int = 0
    right: int = 0
    answers: int = 0
    answers_expected_right: float = 0.0
    labelled: int = 0
    labelled_expected_right: float = 0.0


@dataclass(frozen=True, slots=True)
class JoinReport:
    """What one batch came to. `remembered`: entries of each partition that count then. `unknown`: model versions in it
    of which nothing is told, since nobody learned of them yet."""

    accuracies: Mapping[ModelVersion, Accuracy] = field(default_factory=dict)
    fates: Counter[Fate] = field(default_factory=Counter)
    remembered: Mapping[int, int] = field(default_factory=dict)
    unreadable: int = 0
    unknown: frozenset[ModelVersion] = frozenset()


@dataclass(frozen=True, slots=True)
class Prepared:
    """Records by partition, each with its timestamp in ms, and the bounds of their offsets."""

    records: dict[int, list[tuple[int, JoinRecord]]] = field(default_factory=dict)
    offsets: dict[int, tuple[int, int]] = field(default_factory=dict)
    unreadable: int = 0


class LabelsDecider:
    """Joins what lies in the partitions of `joins`."""

    role = "labels"

    def __init__(
        self, *, writer: OutcomeWriter, window_ms: int, most: int, label_writer: LabelWriter | None = None
    ) -> None:
        """`most` entries of one partition are remembered. `label_writer` tells a learner, where there is one."""
        self._writer, self._window_ms, self._most = writer, window_ms, most
        self._label_writer = label_writer

    def load(self, _partition: int, entries: Mapping[str, bytes]) -> JoinState:
        return JoinState.load(self._window_ms, self._most, entries)

    def prepare(self, batch: RecordBatch) -> Prepared:
        """Read the records. One that nobody of ours wrote is counted and passed over."""
        prepared, unreadable = Prepared(), 0
        for partition, offset, value, timestamp in zip(
            batch.partitions, batch.offsets, batch.values, batch.timestamps, strict=True
        ):
            first, _ = prepared.offsets.get(partition, (offset, offset))
            prepared.offsets[partition] = (first, offset)
            own = prepared.records.setdefault(partition, [])
            try:
                own.append((timestamp, decode_join(value or b"")))
            except msgspec.MsgspecError:
                unreadable += 1
        return Prepared(prepared.records, prepared.offsets, unreadable)

    def decide(self, states: Mapping[int, PartitionState], batch: RecordBatch, prepared: Prepared) -> Decision:
        outbox: list[OutboxRecord] = []
        changes, fates, remembered = {}, Counter[Fate](), {}
        accuracies: dict[ModelVersion, Accuracy] = {}
        named: set[ModelVersion] = set()
        for partition, records in prepared.records.items():
            state = states[partition]
            assert isinstance(state, JoinState)
            step = join(state, records)
            changes[partition] = step.change
            fates += step.fates
            _estimate(accuracies, state, step)
            named |= _named(state, step)
            remembered[partition] = state.log.end + len(step.change.entries) - step.change.head
            if not batch.replay:
                outbox += self._writer.observations(partition, prepared.offsets[partition], step)
                outbox += self._label_writer.labels(step.outcomes) if self._label_writer else []
        for partition, idle_ms in batch.idle.items():
            state = states[partition]
            assert isinstance(state, JoinState)
            answered = [own.name for own in state.versions if not own.champion]
            outbox += self._writer.idle_marks(partition, idle_ms, answered)
        unknown = frozenset(self._writer.unknown(named))
        return Decision(outbox, changes, JoinReport(accuracies, fates, remembered, prepared.unreadable, unknown))

    def give_up(self, batch: RecordBatch, _error: Exception) -> Decision:
        """A record that cannot be joined is counted and passed over; answers do not depend on it."""
        return Decision([], {}, JoinReport(unreadable=len(batch)))


def _named(state: JoinState, step: Step) -> set[ModelVersion]:
    """The model versions whose answers came, were joined, or left; challengers too."""
    versions = [*state.versions, *step.change.versions]
    came = np.unique(step.change.entries["version"]).tolist()
    joined = {ModelVersion(each.model, each.version) for each in step.outcomes}
    left = {ModelVersion(each.model, each.version) for each in step.left}
    return joined | left | {versions[number - 1].name for number in came if number}


def _estimate(accuracies: dict[ModelVersion, Accuracy], state: JoinState, step: Step) -> None:
    """By what was known of confidence before the step, so that it does not know the labels that it is judged by."""
    entries = step.change.entries
    for number, answerer in enumerate([*state.versions, *step.change.versions], 1):
        name = answerer.name
        confidences = entries["confidence"][entries["version"] == number].astype(np.float64)
        known = int((~np.isnan(confidences)).sum())
        if known:
            own = accuracies.setdefault(name, Accuracy())
            own.answers += known
            own.answers_expected_right += state.calibration_of(name).expected_right(confidences)
    for outcomes in step.outcomes:
        name = ModelVersion(outcomes.model, outcomes.version)
        own = accuracies.setdefault(name, Accuracy())
        own.outcomes += len(outcomes.right)
        own.right += int(outcomes.right.sum())
        own.labelled += int((~np.isnan(outcomes.confidences)).sum())
        own.labelled_expected_right += state.calibration_of(name).expected_right(outcomes.confidences)
