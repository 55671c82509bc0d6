"""Entries that no longer count at the end of a step, and what became of them. Pure."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from streams.joining.ahead import Ahead
from streams.joining.arrivals import Arrivals
from streams.joining.key_index import Positions
from streams.joining.log import ENTRY, SEGMENT, Rows
from streams.joining.outcomes import Fate
from streams.joining.state import JoinState


class Leaving:
    """`head`: the first entry that still counts. `answers` left, each `labelled` or not."""

    def __init__(self, state: JoinState, arrivals: Arrivals, ahead: Ahead) -> None:
        self._arrivals, self._ahead = arrivals, ahead
        self.head = state.head
        self.fates: Counter[Fate] = Counter()
        self._answers = [np.empty(0, dtype=ENTRY)]
        self._labelled = [np.empty(0, dtype=np.bool_)]
        oldest_ms, oldest = arrivals.clock_ms - state.window_ms, ahead.end - state.most
        while self.head < ahead.end:
            rows = ahead.between(self.head, min(self.head + SEGMENT, ahead.end))
            count = min(max(int(np.searchsorted(rows["arrived"], oldest_ms)), oldest - self.head), len(rows))
            if count > 0:
                self._let_go(rows[:count], self.head + np.arange(count))
                self.head += count
            if count < len(rows):
                break

    @property
    def answers(self) -> Rows:
        return np.concatenate(self._answers)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        return np.concatenate(self._labelled)

    def _let_go(self, rows: Rows, positions: Positions) -> None:
        labels = (rows["version"] == 0).nonzero()[0]
        matched = rows["joined"][labels].copy()
        for salt in self._arrivals.salts if len(labels) else ():
            matched |= self._ahead.was_met(positions[labels], rows["key"][labels] ^ salt)
        self.fates[Fate.UNMATCHED] += int((~matched).sum())
        answers = ((rows["version"] != 0) & ~self._arrivals.are_beside(rows)).nonzero()[0]
        if len(answers):
            own = rows[answers]
            keys = own["key"] ^ self._arrivals.salts_of(own["version"])
            labelled = own["joined"] | self._ahead.was_met(positions[answers], keys)
            self.fates[Fate.MISSING] += int((~labelled).sum())
            self._answers.append(own)
            self._labelled.append(labelled)
