"""What a reason means and what mends it, for a person on call. Pure."""

from __future__ import annotations

from typing import NamedTuple

from streams.contracts import Reason


class Advice(NamedTuple):
    """`means` goes on from "the event …"; `fix` is what to do before it is sent in again."""

    means: str
    fix: str


_PRODUCER = "The bytes cannot become an event: let the producer send it anew. To send these again ends the same way."
_MODEL_FIX = "Look at the model (`weir model check`), promote or roll back a version, then send it in again."
_FEATURE = "Mend the producer and let it send anew, or serve a model that takes this event; then send it in again."

ADVICE: dict[Reason, Advice] = {
    Reason.TOMBSTONE: Advice("has no value", "Nothing: it is counted, and no dead letter."),
    Reason.EMPTY: Advice("has a value without bytes, or of white space only", _PRODUCER),
    Reason.TOO_LARGE: Advice("is larger than limits.value_bytes", "Raise limits.value_bytes, then send it in again."),
    Reason.ENCODING: Advice("is not UTF-8", _PRODUCER),
    Reason.FRAMED: Advice("was written for a Confluent schema registry, and none is read", _PRODUCER),
    Reason.JSON: Advice("is no JSON, or has bytes after its end", _PRODUCER),
    Reason.DEPTH: Advice("is nested more deeply than limits.depth", "Raise limits.depth, then send it in again."),
    Reason.NOT_OBJECT: Advice("is JSON, but no object", _PRODUCER),
    Reason.DUPLICATE_KEY: Advice(
        "has the same key twice in one object",
        "Mend the producer, or switch limits.strict_json off; then send it again.",
    ),
    Reason.NUMBER: Advice("holds NaN, Infinity or a number that no float can hold", _PRODUCER),
    Reason.ID_MISSING: Advice("has no id, an empty one, or one that is no text", _PRODUCER),
    Reason.ID_TOO_LONG: Advice(
        "has an id longer than limits.id_length", "Raise limits.id_length, then send it in again."
    ),
    Reason.TIME: Advice("has a time that cannot be read, or outside the years 1 to 9999", _PRODUCER),
    Reason.TIME_AHEAD: Advice(
        "has a time too far after its record's timestamp",
        "Mend the producer's clock. Sent in again once that time is near, it is answered.",
    ),
    Reason.FEATURE_MISSING: Advice("lacks a feature that the model takes", _FEATURE),
    Reason.FEATURE_UNKNOWN: Advice(
        "has a feature that the schema lacks", 'Set model.unknown_features = "ignore", then send it in again.'
    ),
    Reason.FEATURE_TYPE: Advice("has a feature of the wrong type", _FEATURE),
    Reason.FEATURE_NULL: Advice("has a null where training had none", _FEATURE),
    Reason.FEATURE_RANGE: Advice("has a number outside the bounds of the schema", _FEATURE),
    Reason.CATEGORY_UNKNOWN: Advice("has a category that training never saw", _FEATURE),
    Reason.PREPROCESS: Advice("has a value for which a step of preprocessing has no answer", _FEATURE),
    Reason.MODEL_ERROR: Advice("made the model raise, or ended its process", _MODEL_FIX),
    Reason.MODEL_DEADLINE: Advice("kept the model longer than model.deadline_ms", _MODEL_FIX),
    Reason.NO_MODEL: Advice(
        "names a model that was not in the registry when the worker started",
        "Add the model and restart the worker, then send it in again.",
    ),
    Reason.MODEL_OUTPUT: Advice("got an answer from the model that is none", _MODEL_FIX),
    Reason.OUTPUT_TOO_LARGE: Advice(
        "leaves no room for its answer in one record",
        "Shorten key or id in the producer, or raise max.message.bytes of the output topics.",
    ),
}
"""By reason; docs/reference/reasons.md says more."""
