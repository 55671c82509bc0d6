"""Dead letters that have the same cause, counted. Pure, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass

from streams.contracts import Reason
from streams.dead_letters.letter import DeadLetter, Place

MOST_GROUPS = 1_000
"""Fields come from events, so anybody can make up more of them; past this they are one group a reason and model."""

OTHERS = "(others)"

LONGEST_ID = 1_000
"""Characters: an id may be why the event was rejected."""


@dataclass(slots=True)
class Group:
    """`count` letters, `redriven` of them sent in again. Times in ms, of the letters' own records; `latest` is an
    example, with its event's id where that can be told."""

    reason: Reason
    field: str | None
    model: str
    latest: Place
    event_id: str | None
    first_ms: int
    last_ms: int
    count: int = 0
    redriven: int = 0


class Groups:
    """By reason, field and model."""

    def __init__(self, most: int = MOST_GROUPS) -> None:
        self._most = most
        self._groups: dict[tuple[Reason, str | None, str], Group] = {}

    def add(self, letter: DeadLetter, *, redriven: bool) -> None:
        key = (letter.reason, letter.field, letter.model)
        if key not in self._groups and len(self._groups) >= self._most:
            key = (letter.reason, OTHERS, "")
        time_ms = letter.timestamp_ms
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(*key, letter.place, _short_id(letter), time_ms, time_ms)
        group.count += 1
        group.redriven += redriven
        group.first_ms = min(group.first_ms, time_ms)
        if time_ms >= group.last_ms:
            group.last_ms, group.latest, group.event_id = time_ms, letter.place, _short_id(letter)

    def largest_first(self) -> list[Group]:
        return sorted(self._groups.values(), key=lambda each: (-each.count, each.reason, each.field or "", each.model))

    @property
    def letters(self) -> int:
        return sum(each.count for each in self._groups.values())

    @property
    def redriven(self) -> int:
        return sum(each.redriven for each in self._groups.values())


def _short_id(letter: DeadLetter) -> str | None:
    event_id = letter.event_id
    return None if event_id is None or len(event_id) > LONGEST_ID else event_id
