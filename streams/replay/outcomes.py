"""What became of an event, as the records say that a worker publishes about it. Pure."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import msgspec

from streams.contracts import HEADER_MODEL, HEADER_REASON, HEADER_SOURCE, Prediction
from streams.records import Headers


class Rejected(NamedTuple):
    """A dead letter's words. `source`: topic, partition and offset of the event."""

    source: tuple[str, int, int]
    model: str
    reason: str


Outcome: TypeAlias = Prediction | Rejected

_decode_prediction = msgspec.json.Decoder(Prediction).decode


def prediction_of(value: bytes | None) -> Prediction | None:
    """None: no prediction of this contract."""
    try:
        return _decode_prediction(value or b"")
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def rejected_of(headers: Headers | None) -> Rejected | None:
    """None: no dead letter of this contract."""
    told = {name: value.decode("utf-8", "replace") for name, value in headers or () if value is not None}
    topic, _, place = told.get(HEADER_SOURCE, "").partition("/")
    partition, _, offset = place.partition("/")
    if not (partition.isdecimal() and offset.isdecimal() and HEADER_REASON in told):
        return None
    return Rejected((topic, int(partition), int(offset)), told.get(HEADER_MODEL, ""), told[HEADER_REASON])


def place_of(outcome: Outcome) -> tuple[int, int]:
    """Partition and offset of the event."""
    if isinstance(outcome, Rejected):
        return outcome.source[1:]
    return outcome.source.partition, outcome.source.offset


def topic_of(outcome: Outcome) -> str:
    """Of the event."""
    return outcome.source[0] if isinstance(outcome, Rejected) else outcome.source.topic
