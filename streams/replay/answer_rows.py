"""What is replayed as the lines and columns of a file. Pure."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa

from models.manifest import Manifest
from streams.backfill.answers import AnswerFormat, answer_schema, encoded, label_column
from streams.contracts import HEADER_ERROR, HEADER_STAGE, Prediction, Reason
from streams.records import OutboxRecord
from streams.replay.outcomes import place_of, prediction_of, rejected_of


class ReplayedDeadLetter(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of the file of rejected events. `event`: its bytes as text; in base64 where they are not UTF-8, and left
    out where they are too large."""

    partition: int
    offset: int
    stage: str
    reason: str
    error: str
    event: str | None = None
    event_base64: str | None = None


def replay_schema(manifest: Manifest) -> Any:
    """The columns of CSV and Parquet, by the names that a prediction has for them; `source` is told apart."""
    place = [("partition", pa.int32()), ("offset", pa.int64()), ("event_id", pa.string()), ("time", pa.string())]
    own = [(field.name, field.type) for field in answer_schema(manifest) if field.name != "id"]
    return pa.schema([*place, *own, ("duplicate_of", pa.string())])


def answer_lines(schema: Any, records: Sequence[OutboxRecord], form: AnswerFormat) -> bytes:
    """Predictions to be put behind others. JSON lines are the bytes that a worker publishes."""
    if form == "jsonl":
        return b"".join(b"%s\n" % record.value for record in records if record.value is not None)
    answers = [answer for record in records if (answer := prediction_of(record.value)) is not None]
    columns = [_column(answers, field) for field in schema]
    return encoded(pa.record_batch(columns, schema=schema), form)


def dead_letter_lines(records: Sequence[OutboxRecord]) -> bytes:
    """One line a dead letter."""
    return msgspec.json.Encoder().encode_lines([_dead_letter(record) for record in records])


def _column(answers: Sequence[Prediction], field: Any) -> Any:
    match field.name:
        case "partition" | "offset" as name:
            return pa.array([getattr(each.source, name) for each in answers], field.type)
        case "prediction":
            return pa.array(label_column([each.prediction for each in answers], field.type), field.type)
        case name:
            return pa.array([getattr(each, name) for each in answers], field.type)


def _dead_letter(record: OutboxRecord) -> ReplayedDeadLetter:
    rejected = rejected_of(record.headers)
    assert rejected is not None, "the encoder writes every header"
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers or ()}
    event = event_base64 = None
    if record.value is not None and rejected.reason not in {Reason.TOO_LARGE, Reason.OUTPUT_TOO_LARGE}:
        try:
            event = record.value.decode()
        except UnicodeDecodeError:
            event_base64 = base64.b64encode(record.value).decode()
    return ReplayedDeadLetter(
        *place_of(rejected), headers[HEADER_STAGE], rejected.reason, headers[HEADER_ERROR], event, event_base64
    )
