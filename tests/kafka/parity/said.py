"""What a door says of a row, in words that all doors share, and what a door has no words for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from models.schema import Kind
from streams.contracts import Reason
from tests.kafka.parity.cells import Row
from tests.kafka.parity.models import READS_TIME, SCHEMA

KINDS = {feature.name: feature.kind for feature in SCHEMA.features}


class Door(StrEnum):
    """A way in."""

    KAFKA = "kafka"
    HTTP = "http"
    LINES = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


FILES = (Door.LINES, Door.CSV, Door.PARQUET)


class Answer(NamedTuple):
    """`score` and `scores` None: none was published. `time` None: of no event's own."""

    event_id: str
    prediction: Any
    score: float | None
    scores: tuple[tuple[str, float], ...] | None
    served_by: str
    degraded: bool
    reason: str | None
    version: str
    time: str | None


class Refusal(NamedTuple):
    """`error` None: the door tells callers less, or not in the same words."""

    stage: str
    reason: str
    error: str | None


def answer_of(told: dict[str, Any], event_id: str) -> Answer:
    """Of a prediction as JSON."""
    scores = told.get("scores")
    return Answer(
        event_id,
        told["prediction"],
        told.get("score"),
        None if scores is None else tuple(scores.items()),
        told["served_by"],
        told["degraded"],
        told.get("reason"),
        told["version"],
        told.get("time"),
    )


class NoWords(NamedTuple):
    """Rows that some doors cannot be shown, or are right to judge by something else than the row; `why`."""

    doors: tuple[Door, ...]
    why: str
    of: Callable[[Row, str], bool]


def _reads(row: Row) -> dict[str, Any] | None:
    """The row as Python's own parser takes it, where that is an object."""
    try:
        found = json.loads(row.value)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


class _Line(msgspec.Struct):
    features: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def _without_features(row: Row, _model: str) -> bool:
    try:
        return msgspec.json.decode(row.value, type=_Line).features is msgspec.UNSET
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False


class _Timed(msgspec.Struct):
    time: int | datetime | None = None


def _ahead(row: Row, _model: str) -> bool:
    try:
        time = msgspec.json.decode(row.value, type=_Timed).time
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    if isinstance(time, datetime):
        return time.tzinfo is not None and time > datetime.now(UTC)
    return time is not None and time > datetime.now(UTC).timestamp() * 1000


def has_time(row: Row) -> bool:
    """Whether the event brings a time of its own."""
    return (_reads(row) or {}).get("time") is not None


def _timeless(row: Row, model: str) -> bool:
    return model == READS_TIME and (found := _reads(row)) is not None and found.get("time") is None


_READ_AS_NUMBER = re.compile(r"\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?\s*")


def _typed_by_cell(name: str, value: Any) -> bool:
    """Whether CSV, whose cells have no types, makes another value of it."""
    if name in ("id", "time"):
        return not isinstance(value, str | None) if name == "id" else isinstance(value, str) and value.isdigit()
    match KINDS[name]:
        case Kind.NUMBER:
            return isinstance(value, str) and _READ_AS_NUMBER.fullmatch(value) is not None
        case Kind.BOOLEAN:
            return not isinstance(value, bool | None) and str(value).lower() in ("true", "false", "0", "1")
        case _:
            return not isinstance(value, str | bytes | None)


def _of_another_type(name: str, value: Any) -> bool:
    """Whether a Parquet column of the feature's type cannot hold it."""
    if value is None:
        return False
    if name == "time" and isinstance(value, int) and not isinstance(value, bool):
        return not 0 < value < 10**14
    kind = Kind.CATEGORY if name in ("id", "time") else KINDS[name]
    of_type: dict[Kind, type | tuple[type, ...]] = {Kind.NUMBER: (int, float), Kind.BOOLEAN: bool, Kind.CATEGORY: str}
    if isinstance(value, bool) and kind is not Kind.BOOLEAN:
        return True
    return not isinstance(value, of_type[kind]) or (isinstance(value, int) and abs(value) >= 2**1024)


def _any_cell(test: Callable[[str, Any], bool]) -> Callable[[Row, str], bool]:
    return lambda row, _model: row.cells is not None and any(test(name, value) for name, value in row.cells.items())


NO_WORDS = (
    NoWords((Door.LINES,), "a line ends where a newline is", lambda row, _model: b"\n" in row.value),
    NoWords((Door.LINES,), "an object without `features` is itself a row of features", _without_features),
    NoWords((Door.CSV, Door.PARQUET), "no value for each column, and for no other", lambda row, _: row.cells is None),
    NoWords((Door.CSV,), "a cell has no type but its column's", _any_cell(_typed_by_cell)),
    NoWords(
        (Door.CSV,),
        "NaN without quotes is one of the spellings of null",
        _any_cell(lambda _, value: isinstance(value, float) and value != value),  # noqa: PLR0124  that is how NaN is
    ),
    NoWords((Door.PARQUET,), "a column has one type, and its texts are UTF-8", _any_cell(_of_another_type)),
    NoWords(FILES, "a file has no record time that a row's could be ahead of", _ahead),
    NoWords((Door.HTTP, *FILES), "without a time of its own a row has its door's, which the model reads", _timeless),
)

NOT_OF_ROWS = {
    Reason.TOMBSTONE: "a value that is null is counted and answered by nothing; HTTP and files have none",
    Reason.NO_MODEL: "who is asked is no matter of a row: see the test of what each door says",
    Reason.MODEL_DEADLINE: "it depends on the clock: tests/kafka/test_fallback.py, tests/unit/http/test_predict.py",
    Reason.OUTPUT_TOO_LARGE: "it is about what a broker takes: tests/unit/pipeline/test_encoding.py",
}
"""Reasons that no row of this suite has."""


def shown_to(door: Door, rows: Sequence[Row], model: str) -> list[Row]:
    """The rows that the door has words for."""
    without = [each for each in NO_WORDS if door in each.doors]
    return [row for row in rows if not any(each.of(row, model) for each in without)]
