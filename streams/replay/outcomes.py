"""What became of an event, as the records say that a worker publishes about it. Pure."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import msgspec

from streams.contracts import Prediction, Reason
from streams.dead_letters.letter import Place, read_headers
from streams.records import Headers


class Rejected(NamedTuple):
    """A dead letter's words. `source`: the event's place."""

    source: Place
    model: str
    reason: Reason


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
    told = read_headers(headers)
    return None if told is None else Rejected(told.source, told.model, told.reason)


def place_of(outcome: Outcome) -> tuple[int, int]:
    """Partition and offset of the event."""
    return outcome.source.partition, outcome.source.offset


def topic_of(outcome: Outcome) -> str:
    """Of the event."""
    return outcome.source.topic
