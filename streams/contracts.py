"""Wire records, topic by topic, and the closed sets of words that they use. The source of truth for outside users."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, TypeAlias

import msgspec


class Stage(StrEnum):
    """Where an event failed: the same words in code, metric labels, headers and documents."""

    DECODE = "decode"
    VALIDATE = "validate"
    PREPROCESS = "preprocess"
    PREDICT = "predict"
    POSTPROCESS = "postprocess"
    PUBLISH = "publish"


class Reason(StrEnum):
    """Why an event was not answered. Closed: a new reason is a change of contract."""

    TOMBSTONE = "tombstone"  # counted, never a dead letter
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    ENCODING = "encoding"
    FRAMED = "framed"
    JSON = "json"
    DEPTH = "depth"
    NOT_OBJECT = "not_object"
    DUPLICATE_KEY = "duplicate_key"
    ID_MISSING = "id_missing"
    ID_TOO_LONG = "id_too_long"
    TIME = "time"
    TIME_AHEAD = "time_ahead"
    NUMBER = "number"
    FEATURE_MISSING = "feature_missing"
    FEATURE_UNKNOWN = "feature_unknown"
    FEATURE_TYPE = "feature_type"
    FEATURE_NULL = "feature_null"
    FEATURE_RANGE = "feature_range"
    CATEGORY_UNKNOWN = "category_unknown"
    PREPROCESS = "preprocess"
    MODEL_ERROR = "model_error"
    MODEL_OUTPUT = "model_output"
    MODEL_DEADLINE = "model_deadline"
    NO_MODEL = "no_model"
    OUTPUT_TOO_LARGE = "output_too_large"


STAGE_OF: Mapping[Reason, Stage] = {
    Reason.TOMBSTONE: Stage.DECODE,
    Reason.EMPTY: Stage.DECODE,
    Reason.TOO_LARGE: Stage.DECODE,
    Reason.ENCODING: Stage.DECODE,
    Reason.FRAMED: Stage.DECODE,
    Reason.JSON: Stage.DECODE,
    Reason.DEPTH: Stage.DECODE,
    Reason.NOT_OBJECT: Stage.DECODE,
    Reason.DUPLICATE_KEY: Stage.DECODE,
    Reason.NUMBER: Stage.DECODE,
    Reason.ID_MISSING: Stage.VALIDATE,
    Reason.ID_TOO_LONG: Stage.VALIDATE,
    Reason.TIME: Stage.VALIDATE,
    Reason.TIME_AHEAD: Stage.VALIDATE,
    Reason.FEATURE_MISSING: Stage.VALIDATE,
    Reason.FEATURE_UNKNOWN: Stage.VALIDATE,
    Reason.FEATURE_TYPE: Stage.VALIDATE,
    Reason.FEATURE_NULL: Stage.VALIDATE,
    Reason.FEATURE_RANGE: Stage.VALIDATE,
    Reason.CATEGORY_UNKNOWN: Stage.VALIDATE,
    Reason.PREPROCESS: Stage.PREPROCESS,
    Reason.MODEL_ERROR: Stage.PREDICT,
    Reason.MODEL_DEADLINE: Stage.PREDICT,
    Reason.NO_MODEL: Stage.PREDICT,
    Reason.MODEL_OUTPUT: Stage.POSTPROCESS,
    Reason.OUTPUT_TOO_LARGE: Stage.PUBLISH,
}
"""Every reason belongs to one stage."""


class ServedBy(StrEnum):
    """Which rung of the ladder answered."""

    MODEL = "model"
    PREVIOUS = "previous"
    CACHE = "cache"
    RULE = "rule"
    DEFAULT = "default"


class Source(msgspec.Struct, frozen=True):
    """The record that an output answers."""

    topic: str
    partition: int
    offset: int


def _one_of(words: Iterable[StrEnum]) -> msgspec.Meta:
    """Words that a schema names; a reader goes on where a later version has one more."""
    return msgspec.Meta(extra_json_schema={"enum": [str(word) for word in words]})


DegradedBy: TypeAlias = Annotated[str, _one_of((Reason.MODEL_ERROR, Reason.MODEL_OUTPUT, Reason.MODEL_DEADLINE))]


class Prediction(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer on `predictions`: same key and partition number as the event's.

    `id` is ``topic/partition/offset/model`` of the event, never the version, so a redo gives the same id.
    `time` is the event's time (RFC 3339, UTC, ms). `score` is the probability of the positive class of a binary
    classifier, or that of the predicted class.
    """

    id: str
    event_id: str
    time: Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
    model: str
    version: str
    prediction: str | int | float | bool
    served_by: Annotated[str, _one_of(ServedBy)]
    degraded: bool
    source: Source
    score: float | None = None
    scores: dict[str, float] | None = None
    reason: DegradedBy | None = None
    duplicate_of: str | None = None


# Headers of a dead letter; its value is the original bytes.
HEADER_STAGE = "weir-stage"
HEADER_REASON = "weir-reason"
HEADER_ERROR = "weir-error"
HEADER_SOURCE = "weir-source"  # topic/partition/offset
HEADER_ATTEMPT = "weir-attempt"
HEADER_MODEL = "weir-model"
HEADER_DEAD_LETTER = "weir-dead-letter"  # of an event that was sent in again: the dead letter that it was
HEADER_TRACEPARENT = "traceparent"  # W3C Trace Context

DOOR_HEADER, DOOR_HTTP = "weir-door", "http"
"""Of an event that came to `events` another way than from a producer."""
