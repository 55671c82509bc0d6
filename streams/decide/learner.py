"""The decision of the learner role: features and labels in, one order; after each label the learner knows one more."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from streams.decide.lesson import Lesson
from streams.decider import PartitionState
from streams.learning.base import LearnerBase
from streams.learning.records import ExampleRecord, decode_example
from streams.learning.report import LearnerReport
from streams.learning.state import Knowledge, LearnerState
from streams.records import Decision, RecordBatch


class LearnerDecider:
    """Predict, then learn: each example is answered by what was known before it."""

    role = "learner"

    def __init__(self, base: LearnerBase, *, most: int) -> None:
        """The features of `most` events wait for their labels."""
        self._base, self._most = base, most

    def load(self, _partition: int, entries: Mapping[str, bytes]) -> LearnerState:
        fresh = Knowledge(base=self._base.of, parameters=self._base.parameters)
        return LearnerState.load(fresh, len(self._base.preparation.inputs), self._most, entries)

    def prepare(self, batch: RecordBatch) -> dict[int, list[ExampleRecord | None]]:
        """Read the records, None for one that cannot be."""
        records: dict[int, list[ExampleRecord | None]] = {}
        for partition, value in zip(batch.partitions, batch.values, strict=True):
            own = records.setdefault(partition, [])
            try:
                own.append(decode_example(value or b""))
            except msgspec.MsgspecError:
                own.append(None)
        return records

    def decide(
        self,
        states: Mapping[int, PartitionState],
        batch: RecordBatch,  # noqa: ARG002  # the protocol's
        prepared: dict[int, list[ExampleRecord | None]],
    ) -> Decision:
        changes, report = {}, LearnerReport(self._base.of.model)
        for partition, records in prepared.items():
            state = states[partition]
            assert isinstance(state, LearnerState)
            lesson = Lesson(self._base, state)
            for record in records:
                lesson.take(record)
            changes[partition] = lesson.change()
            report = report.plus(lesson.report())
        return Decision([], changes, report)

    def give_up(self, batch: RecordBatch, _error: Exception) -> Decision:
        """A record that nothing can be learnt from is counted and passed over; answers do not depend on it."""
        return Decision([], {}, LearnerReport(self._base.of.model, unreadable=len(batch)))
