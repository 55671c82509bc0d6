"""What became of an event: the records that say so, told apart by the event's place. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import msgspec

from streams.contracts import Prediction
from streams.dead_letters.letter import DeadLetter, Place
from streams.fate.sought import Match

State: TypeAlias = Literal["answered", "rejected", "answered and rejected", "not answered yet", "no outcome found"]

_OUTPUT = re.compile(rb'\{"id":"([A-Za-z0-9._-]+)/(\d{1,10})/(\d{1,19})/([A-Za-z0-9._-]+)"')


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


def answered_by(value: bytes | None) -> tuple[Place, str] | None:
    """The event that a record of `predictions` answers, and the model, by its `id`, without decoding the record."""
    found = _OUTPUT.match(value or b"")
    return (Place(found[1].decode(), int(found[2]), int(found[3])), found[4].decode()) if found else None


def decode_prediction(value: bytes | None) -> Prediction | None:
    """None of what is none."""
    try:
        return _decode_prediction(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


class Passed:
    """Whether outputs have come that are so far beyond the events that none of theirs follows: those of a model are in
    the order of a partition's events, but within a batch. Each model has its own pace, as it may be in another group.
    """

    def __init__(self, events: Iterable[Place], models: Collection[str] | None, most_batched: int) -> None:
        """`models` that are waited for, all of them; None: nobody knows which there are, so it never holds.
        `most_batched`: events that one batch may hold."""
        self._awaited: dict[tuple[str, int, str | None], int] = {}
        for event in events:
            last = event.offset + most_batched
            for model in [None] if models is None else models:
                place = (event.topic, event.partition, model)
                self._awaited[place] = max(last, self._awaited.get(place, 0))

    def by(self, source: Place, model: str) -> bool:
        """Take in the event of an output, and whose it is; whether that holds now of every partition and model."""
        place = (source.topic, source.partition, model)
        if source.offset > self._awaited.get(place, source.offset):
            del self._awaited[place]
        return not self._awaited
