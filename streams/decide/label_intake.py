"""The decision of the label intake: labels as people publish them in; records of `joins` out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from streams.decider import PartitionState
from streams.event_time import NO_TIME, to_ms
from streams.joining.label_events import LabelDecoder, LabelReason
from streams.joining.records import Labels, by_partition, encode_join, kept_values
from streams.records import Decision, OutboxRecord, RecordBatch, pick

MOST_NAMED = 8
"""Refused records of one batch whose place is told; the others are counted."""


@dataclass(frozen=True, slots=True)
class IntakeReport:
    """What one batch came to: labels passed on, and the others by reason; `examples` are ``topic/partition/offset``."""

    labels: int = 0
    refused: Counter[LabelReason] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)


class NoState:
    """The intake remembers nothing."""

    def apply(self, change: object) -> None:
        """There is nothing to change."""

    def dump(self) -> dict[str, bytes]:
        return {}


class LabelIntakeDecider:
    """Passes labels on to the partition of `joins` where their answers are. Who publishes them chooses their partition,
    and answers lie where their events' keys put them, so the two would never meet otherwise."""

    role = "label-intake"

    def __init__(self, *, decoder: LabelDecoder, joins_topic: str, partitions: int) -> None:
        """`partitions` of `joins`."""
        self._decoder, self._topic, self._partitions = decoder, joins_topic, partitions

    def load(self, _partition: int, _entries: Mapping[str, bytes]) -> NoState:
        return NoState()

    def prepare(self, batch: RecordBatch) -> Decision:
        """All of it: nothing depends on what came before."""
        if batch.replay or not len(batch):
            return Decision([], {})
        decoded = self._decoder.decode(batch.values)
        ids = [label.event_id for label in decoded.labels]
        values = kept_values([label.label for label in decoded.labels])
        stamps = pick(batch.timestamps, decoded.rows)
        known = (to_ms(label.time, stamp) for label, stamp in zip(decoded.labels, stamps, strict=True))
        times = [None if time == NO_TIME else time for time in known]
        outbox = []
        for partition, rows, own_ids in by_partition(ids, self._partitions):
            record = Labels(own_ids, pick(values, rows), pick(times, rows))
            outbox.append(OutboxRecord(self._topic, None, encode_join(record), partition))
        examples = [_place(batch, row) for row, reason in decoded.refused if reason is not LabelReason.TOMBSTONE]
        return Decision(outbox, {}, IntakeReport(len(ids), decoded.reasons, examples[:MOST_NAMED]))

    def decide(self, _states: Mapping[int, PartitionState], _batch: RecordBatch, prepared: Decision) -> Decision:
        return prepared

    def give_up(self, batch: RecordBatch, _error: Exception) -> Decision:
        """A label that cannot be passed on is counted, with its place: the events' answers do not depend on it."""
        places = [_place(batch, row) for row in range(min(len(batch), MOST_NAMED))]
        return Decision([], {}, IntakeReport(refused=Counter([LabelReason.GIVEN_UP] * len(batch)), examples=places))


def _place(batch: RecordBatch, row: int) -> str:
    return f"{batch.topic}/{batch.partitions[row]}/{batch.offsets[row]}"
