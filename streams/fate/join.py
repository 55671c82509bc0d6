"""Labels of an event, and where they meet its answers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streams.dead_letters.letter import Place


@dataclass(frozen=True, slots=True)
class Label:
    """One record of `labels`; `time_ms` is the record's own. Not `readable`: it has the event's id, and no label that
    can be told."""

    place: Place
    time_ms: int
    label: Any
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Side:
    """An answer, or with `model` None a label, as it came to the topic `joins`: `arrived_ms` by the broker's clock."""

    place: Place
    arrived_ms: int
    value: Any
    model: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Join:
    """Where answers and the first label of an event meet. `committed`: how far the role labels is in that partition."""

    answers: list[Side]
    label: Side | None
    committed: int | None

    def state(self, answer: Side, window_ms: int) -> str:
        """In words."""
        if self.label is None:
            return "no label yet"
        if abs(self.label.arrived_ms - answer.arrived_ms) > window_ms:
            return "the label came outside labels.window_s"
        last = max(answer.place.offset, self.label.place.offset)
        return "joined" if self.committed is not None and self.committed > last else "not joined yet"
