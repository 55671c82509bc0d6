"""The decision of the predict role: events in; predictions, dead letters and observations out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from streams.contracts import STAGE_OF, Reason, ServedBy
from streams.decide.observing import ObservationWriter, Summariser
from streams.decider import PartitionState
from streams.duplicates import AnsweredIds, DuplicateWindow
from streams.encoding import AnswerEncoder
from streams.model_call import no_predictions
from streams.one_line import one_line
from streams.pipeline import Outcomes, Pipeline, Rejection
from streams.records import BatchReport, Decision, RecordBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictTopics:
    """Names on the broker."""

    events: str
    predictions: str
    dead_letters: str
    observations: str


class PredictDecider:
    """Answers events with one model. Holds no state: what a partition remembers are the ids it answered."""

    role = "predict"

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        topics: PredictTopics,
        summariser: Summariser,
        profile_id: str,
        dedupe_window: int,
        max_message_bytes: int,
    ) -> None:
        self._pipeline, self._model, self._dedupe_window = pipeline, pipeline.model, dedupe_window
        self._encoder = AnswerEncoder(
            pipeline.model,
            predictions_topic=topics.predictions,
            dead_letters_topic=topics.dead_letters,
            max_message_bytes=max_message_bytes,
        )
        self._writer = ObservationWriter(
            pipeline.model,
            summariser=summariser,
            profile_id=profile_id,
            events_topic=topics.events,
            observations_topic=topics.observations,
        )

    def load(self, partition: int, entries: Mapping[str, bytes]) -> DuplicateWindow:  # noqa: ARG002  # the protocol's
        return DuplicateWindow.load(self._dedupe_window, entries)

    def decide(self, states: Mapping[int, PartitionState], batch: RecordBatch) -> Decision:
        """Every record becomes one prediction, one dead letter or one tombstone; every answered event that repeats no
        other enters one observation."""
        if not len(batch):
            return Decision([self._writer.idle_mark(partition, ms) for partition, ms in batch.idle.items()], {})
        outcomes = self._encoder.publishable(batch, self._pipeline.run(batch.values, batch.timestamps))
        return self._decision(states, batch, outcomes)

    def give_up(self, batch: RecordBatch, error: Exception) -> Decision:
        """A dead letter for a record about which no decision could be made."""
        if not len(batch):
            return Decision([], {})
        reason = Reason.MODEL_ERROR
        text = one_line(f"no decision could be made: {type(error).__name__}: {error}")
        outcomes = Outcomes(
            rows=[],
            event_ids=[],
            times_ms=np.empty(0, dtype=np.int64),
            matrix=np.empty((0, len(self._model.schema.features))),
            predictions=no_predictions(len(self._model.output_signals)),
            rejections=[
                Rejection(row, STAGE_OF[reason], reason, text)
                for row, value in enumerate(batch.values)
                if value is not None
            ],
            tombstones=[row for row, value in enumerate(batch.values) if value is None],
        )
        return self._decision({}, batch, self._encoder.publishable(batch, outcomes))

    def _decision(self, states: Mapping[int, PartitionState], batch: RecordBatch, outcomes: Outcomes) -> Decision:
        duplicates, changes = self._duplicates(states, batch, outcomes)
        if batch.replay:
            return Decision([], changes)
        outbox = self._encoder.predictions(batch, outcomes, duplicates)
        outbox += [self._encoder.dead_letter(batch, rejection) for rejection in outcomes.rejections]
        outbox += self._writer.observations(batch, outcomes, duplicates)
        return Decision(outbox, changes, self._report(batch, outcomes, duplicates))

    def _duplicates(
        self, states: Mapping[int, PartitionState], batch: RecordBatch, outcomes: Outcomes
    ) -> tuple[dict[int, int], dict[int, AnsweredIds]]:
        """Answered rows that repeat an event, with the offset of that event; and the ids to remember."""
        answered: dict[int, tuple[list[int], list[str]]] = {}
        for row, event_id in zip(outcomes.rows, outcomes.event_ids, strict=True):
            rows, ids = answered.setdefault(batch.partitions[row], ([], []))
            rows.append(row)
            ids.append(event_id)
        duplicates: dict[int, int] = {}
        changes: dict[int, AnsweredIds] = {}
        for partition, (rows, ids) in answered.items():
            window = states[partition]
            assert isinstance(window, DuplicateWindow)
            offsets = [batch.offsets[row] for row in rows]
            duplicates.update({rows[index]: earlier for index, earlier in window.find(offsets, ids).items()})
            changes[partition] = AnsweredIds(offsets, ids)
        return duplicates, changes

    def _report(self, batch: RecordBatch, outcomes: Outcomes, duplicates: Mapping[int, int]) -> BatchReport:
        answers = outcomes.predictions
        return BatchReport(
            model=self._model.name,
            version=self._model.version,
            records=len(batch),
            rejected=Counter((rejection.stage, rejection.reason) for rejection in outcomes.rejections),
            served_by={ServedBy.MODEL: len(outcomes.rows)} if outcomes.rows else {},
            classes={str(label): count for label, count in Counter(answers.values).items()}
            if self._model.classes
            else {},
            scores=np.array(answers.scores or (), dtype=np.float64),
            event_times_ms=outcomes.times_ms,
            duplicates=len(duplicates),
            tombstones=len(outcomes.tombstones),
            stage_seconds=outcomes.stage_seconds,
        )
