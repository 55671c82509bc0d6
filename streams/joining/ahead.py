"""A state and the entries that came since, without a change to it. Pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.joining.key_index import NOWHERE, KeyIndex, Keys, Positions
from streams.joining.log import ENTRY, Rows
from streams.joining.repeats import NEVER
from streams.joining.state import JoinState


class Found(NamedTuple):
    """What was looked for, row by row: the latest entry, where it is, and the last position at which it counts."""

    rows: Rows
    positions: Positions
    limits: Positions


class Ahead:
    """`room`: entries that come at most."""

    def __init__(self, state: JoinState, room: int) -> None:
        self._state, self._start = state, state.log.end
        self._rows = np.empty(room, dtype=ENTRY)
        self._index = KeyIndex()
        self._met: list[Positions] = []
        self.end = self._start
        """The position of the next entry."""

    @property
    def kept(self) -> Rows:
        return self._rows[: self.end - self._start]

    def keep(self, rows: Rows) -> None:
        positions = self.end + np.arange(len(rows))
        self._rows[positions - self._start] = rows
        self._index.add(rows["key"], positions, oldest=0)
        self.end += len(rows)

    def meet(self, positions: Positions) -> None:
        """The other half of entries came now."""
        self._met.append(positions)

    def was_met(self, positions: Positions, keys: Keys) -> NDArray[np.bool_]:
        """Whether the other half, which has these keys, came later. Entries leave at the end of the step in which they
        cease to count, so one that the state still has met whatever it has of these keys, and it has it once."""
        return (self._state.index.find(keys) > positions) | np.isin(positions, self._all_met())

    def look(self, keys: Keys, arrived: NDArray[np.int64]) -> Found:
        """The latest entry of each key, for arrivals with these clocks."""
        ahead = self._index.find(keys)
        positions = np.where(ahead == NOWHERE, self._state.index.find(keys), ahead)
        rows, limits = np.zeros(len(keys), dtype=ENTRY), np.full(len(keys), NEVER, dtype=np.int64)
        here = (positions >= self._state.head).nonzero()[0]
        if len(here):
            rows[here] = self._at(positions[here])
            young = here[arrived[here] - rows["arrived"][here] <= self._state.window_ms]
            limits[young] = positions[young] + self._state.most
        return Found(rows, positions, limits)

    def between(self, first: int, end: int) -> Rows:
        """The entries from `first` up to `end`."""
        middle = min(max(first, self._start), end)
        ahead = self._rows[middle - self._start : end - self._start]
        return np.concatenate((self._state.log.between(first, middle), ahead)) if first < middle else ahead

    def _at(self, positions: Positions) -> Rows:
        rows = np.empty(len(positions), dtype=ENTRY)
        before = positions < self._start
        rows[before] = self._state.log.at(positions[before])
        rows[~before] = self._rows[positions[~before] - self._start]
        return rows

    def _all_met(self) -> Positions:
        self._met = [np.concatenate([np.empty(0, dtype=np.int64), *self._met])]
        return self._met[0]
