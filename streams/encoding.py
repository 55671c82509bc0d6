"""Encode: outcomes to the records of `predictions` and `dead-letters`. Pure.

Both go to the source's partition number under the event's key. A dead letter is the original bytes, untouched, with
the reason in headers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import repeat

import msgspec

from models.prediction import Model
from streams.contracts import (
    HEADER_ATTEMPT,
    HEADER_ERROR,
    HEADER_MODEL,
    HEADER_REASON,
    HEADER_SOURCE,
    HEADER_STAGE,
    HEADER_TRACEPARENT,
    STAGE_OF,
    Prediction,
    Reason,
    ServedBy,
    Source,
)
from streams.event_time import rfc3339
from streams.one_line import one_line
from streams.pipeline import Outcomes, Rejection
from streams.records import Headers, OutboxRecord, RecordBatch

FRAME_BYTES = 8192
"""Room for what a record holds beside key and value of its event: headers, names, numbers, the protocol's own bytes."""

BYTES_PER_CHARACTER = 6
"""A control character, escaped."""

LONGEST_TRACEPARENT = 256


def prediction_id(topic: str, partition: int, offset: int, model: str) -> str:
    """The same for every redo, whatever version answers."""
    return f"{topic}/{partition}/{offset}/{model}"


class AnswerEncoder:
    """Makes the output records of one model. `max_message_bytes`: what the producer may send in one record."""

    def __init__(
        self, model: Model, *, predictions_topic: str, dead_letters_topic: str, max_message_bytes: int
    ) -> None:
        self._model, self._version, self._classes = model.name, model.version, model.classes
        self._predictions_topic, self._dead_letters_topic = predictions_topic, dead_letters_topic
        self._max_message_bytes = max_message_bytes
        self._encode = msgspec.json.Encoder().encode
        # The class names twice, as label and in the scores, and every other part of an answer but id and key.
        self._answer_bytes = FRAME_BYTES + 2 * sum(len(self._encode(name)) + 32 for name in model.classes)

    def publishable(self, batch: RecordBatch, outcomes: Outcomes) -> Outcomes:
        """The outcomes with output_too_large in place of what would not fit into a message."""
        room = self._max_message_bytes - self._answer_bytes
        longest_key = max(map(len, filter(None, batch.keys)), default=0)
        longest_id = max(map(len, outcomes.event_ids), default=0)
        if longest_key + longest_id * BYTES_PER_CHARACTER > room:
            error = f"key and id leave no room for an answer in {self._max_message_bytes} bytes"
            outcomes = outcomes.rejecting(
                {
                    row: (Reason.OUTPUT_TOO_LARGE, error)
                    for row, event_id in zip(outcomes.rows, outcomes.event_ids, strict=True)
                    if len(batch.keys[row] or b"") + len(self._encode(event_id)) > room
                }
            )
        if all(self._fits(batch, rejection.row) for rejection in outcomes.rejections):
            return outcomes
        return replace(outcomes, rejections=[self._publishable(batch, rejection) for rejection in outcomes.rejections])

    def predictions(
        self, batch: RecordBatch, outcomes: Outcomes, duplicates: Mapping[int, int] | None = None
    ) -> list[OutboxRecord]:
        """One record an answered row. `duplicates` maps rows to the offset of the event that they repeat."""
        duplicates = duplicates or {}
        # locals: the loop runs once an event
        model, version, target, encode = self._model, self._version, self._predictions_topic, self._encode
        topic, keys, partitions, offsets = batch.topic, batch.keys, batch.partitions, batch.offsets
        served_by = ServedBy.MODEL
        answers = outcomes.predictions
        scores: Iterable[float | None] = repeat(None) if answers.scores is None else answers.scores
        class_scores: Iterable[dict[str, float] | None] = (
            repeat(None)
            if answers.class_scores is None
            else [dict(zip(self._classes, row, strict=True)) for row in answers.class_scores.tolist()]
        )
        columns = (outcomes.rows, outcomes.event_ids, rfc3339(outcomes.times_ms), answers.values, scores, class_scores)
        traced = any(batch.headers)
        records = []
        for row, event_id, time, value, score, by_class in zip(*columns, strict=False):  # repeat(None) has no end
            partition, offset = partitions[row], offsets[row]
            repeated = duplicates.get(row)
            prediction = Prediction(
                id=prediction_id(topic, partition, offset, model),
                event_id=event_id,
                time=time,
                model=model,
                version=version,
                prediction=value,
                served_by=served_by,
                degraded=False,
                source=Source(topic, partition, offset),
                score=score,
                scores=by_class,
                duplicate_of=None if repeated is None else prediction_id(topic, partition, repeated, model),
            )
            headers = _traceparent(batch.headers[row]) if traced else None
            records.append(OutboxRecord(target, keys[row], encode(prediction), partition, headers))
        return records

    def dead_letter(self, batch: RecordBatch, rejection: Rejection) -> OutboxRecord:
        """The event's bytes and why it has no answer. A value that would not fit stays where `weir-source` points."""
        row = rejection.row
        key, value, partition = batch.keys[row], batch.values[row], batch.partitions[row]
        if rejection.reason is Reason.OUTPUT_TOO_LARGE and not self._fits(batch, row):
            value = b""
            key = key if len(key or b"") + FRAME_BYTES <= self._max_message_bytes else None
        headers = [
            (HEADER_STAGE, rejection.stage.encode()),
            (HEADER_REASON, rejection.reason.encode()),
            (HEADER_ERROR, rejection.error.encode()),
            (HEADER_SOURCE, f"{batch.topic}/{partition}/{batch.offsets[row]}".encode()),
            (HEADER_ATTEMPT, b"%d" % _attempt(batch.headers[row])),
            (HEADER_MODEL, self._model.encode()),
            *(_traceparent(batch.headers[row]) or ()),
        ]
        return OutboxRecord(self._dead_letters_topic, key, value, partition, headers)

    def _publishable(self, batch: RecordBatch, rejection: Rejection) -> Rejection:
        if self._fits(batch, rejection.row):
            return rejection
        size = len(batch.values[rejection.row] or b"")
        error = one_line(f"{rejection.reason} ({rejection.error}); the value of {size} bytes stays at its source")
        reason = Reason.OUTPUT_TOO_LARGE
        return replace(rejection, stage=STAGE_OF[reason], reason=reason, error=error)

    def _fits(self, batch: RecordBatch, row: int) -> bool:
        event = len(batch.keys[row] or b"") + len(batch.values[row] or b"")
        return event + FRAME_BYTES <= self._max_message_bytes


def _header(headers: Headers | None, name: str) -> bytes | None:
    return next((value for key, value in headers or () if key == name), None)


def _traceparent(headers: Headers | None) -> Headers | None:
    value = _header(headers, HEADER_TRACEPARENT)
    return [(HEADER_TRACEPARENT, value)] if value and len(value) <= LONGEST_TRACEPARENT else None


def _attempt(headers: Headers | None) -> int:
    """1, or one more than the dead letter says that was sent in again."""
    earlier = _header(headers, HEADER_ATTEMPT) or b""
    return 1 + int(earlier) if earlier.isdigit() and len(earlier) < 10 else 1
