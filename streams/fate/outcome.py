"""What became of an event: the records that say so, told apart by the event's place. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import msgspec

from streams.contracts import Prediction
from streams.dead_letters.letter import DeadLetter, Place
from streams.fate.sought import Match

State: TypeAlias = Literal["answered", "rejected", "answered and rejected", "not answered yet", "no outcome found"]

_PLACE = re.compile(rb'\{"id":"([A-Za-z0-9._-]+)/(\d{1,10})/(\d{1,19})/')


@dataclass(frozen=True, slots=True)
class Answer:
    """`time_ms` is the record's own."""

    place: Place
    time_ms: int
    prediction: Prediction


@dataclass(slots=True)
class Fate:
    """One record of the topic of events, and its outputs: several where several models answer. `committed` is the
    group's offset in its partition (None: none), `lag` what it has left there, in records."""

    place: Place
    time_ms: int
    key: bytes | None
    match: Match
    sent_again_from: Place | None = None
    committed: int | None = None
    lag: int | None = None
    answers: list[Answer] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)

    @property
    def state(self) -> State:
        if self.answers and self.dead_letters:
            return "answered and rejected"
        if self.answers or self.dead_letters:
            return "answered" if self.answers else "rejected"
        done = self.committed is not None and self.committed > self.place.offset
        return "no outcome found" if done else "not answered yet"


_decode_prediction = msgspec.json.Decoder(Prediction).decode


def answered_place(value: bytes | None) -> Place | None:
    """The event that a record of `predictions` answers, by the front of its `id`, without decoding the record."""
    found = _PLACE.match(value or b"")
    return Place(found[1].decode(), int(found[2]), int(found[3])) if found else None


def decode_prediction(value: bytes | None) -> Prediction | None:
    """None of what is none."""
    try:
        return _decode_prediction(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


class Passed:
    """Whether outputs have come that are so far beyond the events that none of theirs follows: those of a partition are
    in the order of its events, but within a batch, where each model's come together."""

    def __init__(self, events: Iterable[Place], most_batched: int) -> None:
        """`most_batched`: events that one batch may hold."""
        self._awaited: dict[int, int] = {}
        for event in events:
            last = event.offset + most_batched
            self._awaited[event.partition] = max(last, self._awaited.get(event.partition, 0))

    def by(self, source: Place) -> bool:
        """Take in the event of an output; whether that holds now of every partition."""
        if source.offset > self._awaited.get(source.partition, source.offset):
            del self._awaited[source.partition]
        return not self._awaited
