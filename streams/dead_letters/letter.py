"""A dead letter as it lies in its topic: what the headers say, and the event's bytes. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from streams.cloud_events.binary import id_in
from streams.contracts import (
    HEADER_ATTEMPT,
    HEADER_ERROR,
    HEADER_MODEL,
    HEADER_REASON,
    HEADER_SOURCE,
    HEADER_STAGE,
    Reason,
)
from streams.records import Headers

LONGEST_NUMBER = 19
"""Digits of an offset, which is an int64."""

_NAMED = re.compile(r"features\.(\w+): |(id|time|features): ")
_QUOTED = re.compile(r"(?:features\[|feature )(?=\")")
_COLUMN = re.compile(r"no answer for column (['\"])(.*)\1\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """A record of a topic."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`place` is its own, `source` the event's. `timestamp_ms` is the record's; `attempt` counts from 1. `value` and
    `key` are the event's, `headers` all that the record has."""

    place: Place
    timestamp_ms: int
    source: Place
    stage: str
    reason: Reason
    error: str
    model: str
    attempt: int
    key: bytes | None
    value: bytes
    headers: Headers

    @property
    def field(self) -> str | None:
        """Of the event, as the error names it: a feature, `id`, `time` or `features`."""
        if named := _NAMED.match(self.error):
            return named[1] or named[2]
        if quoted := _QUOTED.match(self.error):
            try:
                return str(json.JSONDecoder().raw_decode(self.error, quoted.end())[0])
            except ValueError:
                return None  # cut, where the line was too long
        column = _COLUMN.search(self.error) if self.reason is Reason.PREPROCESS else None
        return column[2] if column else None

    @property
    def event_id(self) -> str | None:
        """None where the bytes do not tell one."""
        return id_in(self.headers) or event_id_of(self.value)


class _Identified(msgspec.Struct):
    id: str


_decode_identified = msgspec.json.Decoder(_Identified).decode


def event_id_of(value: bytes) -> str | None:
    """The `id` of an event's bytes; None where they are no JSON object with one."""
    try:
        return _decode_identified(value).id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


class Told(NamedTuple):
    """What the headers of a dead letter say; `source` is the event's place."""

    source: Place
    stage: str
    reason: Reason
    error: str
    model: str
    attempt: int


def read_headers(headers: Headers | None) -> Told | None:
    """None of a record that Weir did not write, or not in a form that this version knows."""
    told = dict(headers or ())
    source = place_of(_text(told.get(HEADER_SOURCE)))
    if source is None:
        return None
    try:
        reason = Reason(_text(told.get(HEADER_REASON)))
    except ValueError:
        return None
    attempt = _text(told.get(HEADER_ATTEMPT))
    return Told(
        source,
        _text(told.get(HEADER_STAGE)),
        reason,
        _text(told.get(HEADER_ERROR)),
        _text(told.get(HEADER_MODEL)),
        int(attempt) if attempt.isdecimal() and attempt.isascii() and len(attempt) < 10 else 1,
    )


def read_letter(
    place: Place, timestamp_ms: int, key: bytes | None, value: bytes | None, headers: Headers | None
) -> DeadLetter | None:
    """None of a record that Weir did not write, or not in a form that this version knows."""
    told = read_headers(headers)
    if told is None or value is None:
        return None
    return DeadLetter(place, timestamp_ms, *told, key, value, list(headers or ()))


def place_of(text: str) -> Place | None:
    """Of ``topic/partition/offset``."""
    topic, *numbers = text.split("/")
    if not topic or len(numbers) != 2:
        return None
    if not all(each.isdecimal() and each.isascii() and len(each) <= LONGEST_NUMBER for each in numbers):
        return None
    return Place(topic, int(numbers[0]), int(numbers[1]))


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
