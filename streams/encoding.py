"""Encode: outcomes to the records of `predictions` and `dead-letters`. Pure.

Both go to the source's partition number under the event's key. A dead letter is the original bytes, untouched, with
the reason in headers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import repeat

import msgspec

from models.prediction import Model
from streams.answer_json import AnswerJson
from streams.cloud_events.binary import MOST_BYTES, own_headers, size_of
from streams.cloud_events.writing import CloudEventHeaders
from streams.contracts import (
    HEADER_ATTEMPT,
    HEADER_ERROR,
    HEADER_MODEL,
    HEADER_REASON,
    HEADER_SOURCE,
    HEADER_STAGE,
    HEADER_TRACEPARENT,
    STAGE_OF,
    Reason,
)
from streams.event_time import rfc3339
from streams.ladder.degradation import Degradation
from streams.one_line import one_line
from streams.pipeline import Outcomes, Rejection
from streams.records import Headers, OutboxRecord, RecordBatch, pick

FRAME_BYTES = 8192
"""Room for what a record holds beside key and value of its event: headers, names, numbers, the protocol's own bytes."""

BYTES_PER_CHARACTER = 6
"""A control character, escaped."""

LONGEST_TRACEPARENT = 256

LONGEST_NAME = 64
"""Of a model."""


class AnswerEncoder:
    """Makes the output records of one model. `max_message_bytes`: what the producer may send in one record."""

    def __init__(
        self,
        model: Model,
        *,
        predictions_topic: str,
        dead_letters_topic: str,
        max_message_bytes: int,
        cloud_events: CloudEventHeaders | None = None,
    ) -> None:
        """With `cloud_events` answers are CloudEvents."""
        self._model, self._version, self._classes = model.name, model.version, model.classes
        self._predictions_topic, self._dead_letters_topic = predictions_topic, dead_letters_topic
        self._max_message_bytes = max_message_bytes
        self._cloud_events = cloud_events
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

    def predictions(self, batch: RecordBatch, outcomes: Outcomes) -> list[OutboxRecord]:
        """One record an answered row."""
        if not outcomes.degraded:
            return self._records(batch, outcomes, None)
        made: list[tuple[int, OutboxRecord]] = []
        for degradation, indices in by_degradation(outcomes).items():
            made += zip(indices, self._records(batch, outcomes.taking(indices), degradation), strict=True)
        return [record for _, record in sorted(made, key=lambda each: each[0])]

    def _records(self, batch: RecordBatch, outcomes: Outcomes, degradation: Degradation | None) -> list[OutboxRecord]:
        """Of answers that were all given in the same way."""
        rows, answers = outcomes.rows, outcomes.predictions
        scored = degradation is None or degradation.scored
        keys, partitions, offsets = (pick(column, rows) for column in (batch.keys, batch.partitions, batch.offsets))
        class_scores = (
            None
            if answers.class_scores is None or not scored
            else [dict(zip(self._classes, row, strict=True)) for row in answers.class_scores.tolist()]
        )
        answer = AnswerJson(batch.topic, self._model, self._version, degradation)
        times, scores = rfc3339(outcomes.times_ms), answers.scores if scored else None
        values = answer.many(partitions, offsets, outcomes.event_ids, times, answers.values, scores, class_scores)
        headers: Iterable[Headers | None] = repeat(None)
        if batch.has_headers:
            headers = [_traceparent(batch.headers[row]) for row in rows]
        if self._cloud_events is not None:
            own = self._cloud_events.of(batch.topic, partitions, offsets, times)
            headers = [[*each, *(more or ())] for each, more in zip(own, headers, strict=False)]
        fields = zip(repeat(self._predictions_topic), keys, values, partitions, headers, strict=False)
        # OutboxRecord(...) a record would take three times as long as this.
        return list(map(tuple.__new__, repeat(OutboxRecord), fields))

    def repeating(
        self,
        batch: RecordBatch,
        outcomes: Outcomes,
        predictions: Sequence[OutboxRecord],
        duplicates: Mapping[int, int],
    ) -> list[OutboxRecord]:
        """`predictions` again, where those of `duplicates` (row: offset of the event that it repeats) say so."""
        answers, degraded = outcomes.predictions, outcomes.degraded
        writers = {how: AnswerJson(batch.topic, self._model, self._version, how) for how in {None, *degraded.values()}}
        records = list(predictions)
        indices = [bisect_left(outcomes.rows, row) for row in duplicates]
        times = rfc3339(outcomes.times_ms[indices])
        for index, time, (row, earlier) in zip(indices, times, duplicates.items(), strict=True):
            how = degraded.get(row)
            scored = how is None or how.scored
            by_class = None
            if answers.class_scores is not None and scored:
                by_class = dict(zip(self._classes, answers.class_scores[index].tolist(), strict=True))
            value = writers[how].one(
                batch.partitions[row],
                batch.offsets[row],
                outcomes.event_ids[index],
                time,
                answers.values[index],
                None if answers.scores is None or not scored else answers.scores[index],
                by_class,
                earlier,
            )
            records[index] = records[index]._replace(value=value)
        return records

    def dead_letter(self, batch: RecordBatch, rejection: Rejection) -> OutboxRecord:
        """The event's bytes and why it has no answer. A value that would not fit stays where `weir-source` points."""
        row = rejection.row
        key, value, partition = batch.keys[row], batch.values[row], batch.partitions[row]
        if rejection.reason is Reason.OUTPUT_TOO_LARGE and not self._fits(batch, row):
            value = b""
            key = key if len(key or b"") + FRAME_BYTES <= self._max_message_bytes else None
        named = _named(batch.headers[row]) if rejection.reason is Reason.NO_MODEL else self._model.encode()
        headers = [
            (HEADER_STAGE, rejection.stage.encode()),
            (HEADER_REASON, rejection.reason.encode()),
            (HEADER_ERROR, rejection.error.encode()),
            (HEADER_SOURCE, f"{batch.topic}/{partition}/{batch.offsets[row]}".encode()),
            (HEADER_ATTEMPT, b"%d" % _attempt(batch.headers[row])),
            (HEADER_MODEL, named),
            *(_traceparent(batch.headers[row]) or ()),
            *_cloud_event(batch.headers[row]),
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


def by_degradation(outcomes: Outcomes) -> dict[Degradation | None, list[int]]:
    """Indices of the answered rows, rising, by how they were answered (None: by the model)."""
    found: dict[Degradation | None, list[int]] = {}
    for index, row in enumerate(outcomes.rows):
        found.setdefault(outcomes.degraded.get(row), []).append(index)
    return found


def _header(headers: Headers | None, name: str) -> bytes | None:
    return next((value for key, value in headers or () if key == name), None)


def _named(headers: Headers | None) -> bytes:
    """The model that the event names and nobody has: sent in again, the event is still meant for that one."""
    values = [value or b"" for name, value in headers or () if name == HEADER_MODEL]
    return values[-1][:LONGEST_NAME] if values else b""


def _traceparent(headers: Headers | None) -> Headers | None:
    value = _header(headers, HEADER_TRACEPARENT)
    return [(HEADER_TRACEPARENT, value)] if value and len(value) <= LONGEST_TRACEPARENT else None


def _cloud_event(headers: Headers | None) -> Headers:
    """Of an event in binary mode: without them its bytes could not be sent in again."""
    own = own_headers(headers)
    return own if size_of(own) <= MOST_BYTES else []


def _attempt(headers: Headers | None) -> int:
    """1, or one more than the dead letter says that was sent in again."""
    earlier = _header(headers, HEADER_ATTEMPT) or b""
    return 1 + int(earlier) if earlier.isdigit() and len(earlier) < 10 else 1
