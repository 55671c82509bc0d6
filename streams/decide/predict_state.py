"""What a partition of events has led to: ids answered lately, and what keys keep for a model with keyed features.

What keys keep follows from the log alone. Each valid event counts once, whatever became of its answer: the model may
have failed on it, or fail on a replay where it did not before. So ids of valid events without an answer are remembered
too; an event repeats another if either of both windows has its id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from models.keyed.steps import KeyedSteps
from streams.decider import Entry, StateUnusable
from streams.duplicates import AnsweredIds, DuplicateWindow
from streams.keyed.advance import KeyedEvents, advance
from streams.keyed.state import PREFIX, KeyedChange, KeyedState

UNANSWERED = "unanswered-"


class KeyedTaken(NamedTuple):
    """A change: what events led to. `unanswered`: ids of valid ones that have no answer."""

    answered: AnsweredIds
    unanswered: AnsweredIds
    steps: KeyedSteps
    keyed: KeyedChange


class KeyedGivenUp(NamedTuple):
    """A change: valid events about which no decision could be made, or whose answer Kafka does not take. They count for
    their keys as on a replay, where nothing is published and so nothing refused."""

    ids: Sequence[str]
    steps: KeyedSteps
    events: KeyedEvents


PredictChange: TypeAlias = AnsweredIds | KeyedTaken | KeyedGivenUp
"""AnsweredIds: of a model without keyed features."""


class PredictState:
    """`window`: ids answered. What keys keep for definitions that nobody serves any more is let go with the first batch
    that another version decides about."""

    def __init__(self, dedupe_window: int, most_keys: int, entries: Mapping[str, Entry]) -> None:
        """From the entries of `dump`; none of a fresh start."""
        self._dedupe_window, self._most_keys = dedupe_window, most_keys
        self.window = DuplicateWindow.load(dedupe_window, entries)
        self._unanswered: DuplicateWindow | None = None
        if any(name.startswith(UNANSWERED) for name in entries):
            self._unanswered = DuplicateWindow.load(dedupe_window, entries, UNANSWERED)
        self._keyed: KeyedState | None = None
        # Which definitions are served is known with the first batch.
        self._asleep = {name: data for name, data in entries.items() if name.startswith(PREFIX)}

    def keyed(self, steps: KeyedSteps) -> KeyedState:
        """What keys keep for these definitions; nothing yet if they are others than before. Not to be changed."""
        digest = steps.keyed.digest
        if self._keyed is not None and self._keyed.steps.keyed.digest == digest:
            return self._keyed
        if any(name.startswith(f"{PREFIX}{digest}-") for name in self._asleep):
            try:
                self._keyed = KeyedState.load(steps, self._most_keys, self._asleep)
            except StateUnusable:
                self._keyed = KeyedState(steps, self._most_keys)  # its checksum held: another release wrote it
            self._asleep = {}
            return self._keyed
        return KeyedState(steps, self._most_keys)

    def repeated(self, offsets: Sequence[int], ids: Sequence[str]) -> frozenset[int]:
        """Which of valid events, by their index, repeat an earlier valid one: they count no second time."""
        events = AnsweredIds(offsets, ids)
        unanswered = {} if self._unanswered is None else self._unanswered.find(events)
        return frozenset({*self.window.find(events), *unanswered})

    def apply(self, change: PredictChange) -> None:
        match change:
            case AnsweredIds():
                self.window.apply(change)
                self._keyed, self._unanswered, self._asleep = None, None, {}
            case KeyedTaken():
                self._take(change.steps, change.keyed)
                self.window.apply(change.answered)
                self._remember_unanswered(change.unanswered)
            case KeyedGivenUp(ids, steps, events):
                repeated = self.repeated(events.offsets, ids)
                self._take(steps, advance(self.keyed(steps), events, repeated)[1])
                self._remember_unanswered(AnsweredIds(events.offsets, ids))

    def dump(self) -> dict[str, Entry]:
        keyed = self._asleep if self._keyed is None else self._keyed.dump()
        unanswered = {} if self._unanswered is None else self._unanswered.dump()
        return {**self.window.dump(), **unanswered, **keyed}

    def _remember_unanswered(self, events: AnsweredIds) -> None:
        if events.offsets and self._unanswered is None:
            self._unanswered = DuplicateWindow(self._dedupe_window, UNANSWERED)
        if self._unanswered is not None:
            self._unanswered.apply(events)

    def _take(self, steps: KeyedSteps, change: KeyedChange) -> None:
        self._keyed, self._asleep = self.keyed(steps), {}
        self._keyed.apply(change)
