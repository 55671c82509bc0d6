"""Events of one partition through what its keys keep, without changing it. Pure.

Which keys are let go depends on the events and their order alone, so it is the same whatever was restarted, redone or
moved in between.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container, Sequence
from typing import NamedTuple

from models.keyed.steps import Key, KeyState, encode_state
from streams.keyed.state import KeyedChange, KeyedState

LOOKED_AT = 2
"""Keys seen longest ago that each event may let go for their age: as many as come with it or more, and few, so that one
event with a time far ahead does not cost every key its past."""


class KeyedEvents(NamedTuple):
    """Columns of valid events at rising offsets: keys, what features look at, times in ms."""

    offsets: Sequence[int]
    keys: Sequence[Sequence[Key]]
    inputs: Sequence[Sequence[float]]
    times_ms: Sequence[int]

    def taking(self, indices: Sequence[int]) -> KeyedEvents:
        """Those at some rising indices."""
        return KeyedEvents(
            [self.offsets[index] for index in indices],
            [self.keys[index] for index in indices],
            [self.inputs[index] for index in indices],
            [self.times_ms[index] for index in indices],
        )


def advance(
    state: KeyedState, events: KeyedEvents, repeated: Container[int] = ()
) -> tuple[list[list[float]], KeyedChange]:
    """The values of each event, and the change that all of them make. Those whose index is `repeated` get theirs and
    change nothing."""
    ahead, steps, values = _Ahead(state), state.steps, []
    for index, (offset, keys, inputs, time_ms) in enumerate(zip(*events, strict=True)):
        own = steps.nothing_known()
        values.append(own)
        for key in keys:
            after = steps.step(key, ahead.get(key), time_ms, inputs, own)
            if index not in repeated:
                ahead.put(key, offset, after)
        if keys and index not in repeated:
            ahead.let_go(time_ms)
    touched = {key: (offset, own[0], encode_state(own)) for key, (offset, own) in ahead.touched.items()}
    return values, KeyedChange(ahead.removed, touched, ahead.expired, ahead.evicted, ahead.size)


class _Ahead:
    """A state as it will be; the state itself stays."""

    def __init__(self, state: KeyedState) -> None:
        self._kept, self._most, self._steps = state.kept, state.most, state.steps
        self.size = len(state.kept)
        self._in_turn = iter(state.kept)
        self._oldest_untouched = next(self._in_turn, None)
        self.touched: OrderedDict[Key, tuple[int, KeyState]] = OrderedDict()
        self.removed: set[Key] = set()
        self.expired = self.evicted = 0

    def get(self, key: Key) -> KeyState | None:
        touched = self.touched.get(key)
        if touched is not None:
            return touched[1]
        kept = None if key in self.removed else self._kept.get(key)
        return None if kept is None else self._steps.decode(key, kept[2])

    def put(self, key: Key, offset: int, state: KeyState) -> None:
        if key not in self.touched and (key in self.removed or key not in self._kept):
            self.size += 1
        self.touched[key] = (offset, state)
        self.touched.move_to_end(key)

    def let_go(self, time_ms: int) -> None:
        """What no event came for, seen from an event of this time; and what is too much."""
        for _ in range(LOOKED_AT):
            oldest = self._oldest()
            latest_ms = self.touched[oldest][1][0] if oldest in self.touched else self._kept[oldest][1]
            if not self._steps.is_over(latest_ms, time_ms):
                break
            self._remove(oldest)
            self.expired += 1
        while self.size > self._most:
            self._remove(self._oldest())
            self.evicted += 1

    def _oldest(self) -> Key:
        """The key that was seen longest ago; there is one, the event's own."""
        while self._oldest_untouched is not None:
            if self._oldest_untouched not in self.touched and self._oldest_untouched not in self.removed:
                return self._oldest_untouched
            self._oldest_untouched = next(self._in_turn, None)
        return next(iter(self.touched))

    def _remove(self, key: Key) -> None:
        self.touched.pop(key, None)
        self.removed.add(key)
        self.size -= 1
