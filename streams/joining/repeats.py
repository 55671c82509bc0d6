"""Which arrivals repeat what counts, so that they are counted and not kept. Pure.

Only what is kept takes a position, and an entry counts while at most so many came after it: whether an arrival is kept
depends on how many before it were. Where it cannot, all are judged at once; else one by one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.joining.key_index import Keys, Positions

NEVER = -1
"""As a limit: there is no such entry, or it is too old."""


class Limits(NamedTuple):
    """Of each arrival: the last position at which an entry counts for it that …"""

    same: Positions  # has its key
    settled: Positions  # is an answer to its event, and had its label when it came
    waiting: Positions  # is an answer to its event, and had none


class Verdict(NamedTuple):
    """Of each arrival; `positions` are those that they take, or would. `of`: the arrival that it repeats, or -1 where
    that is an entry from before."""

    repeats: NDArray[np.bool_]
    of: NDArray[np.intp]
    positions: Positions


def judge_at_once(first: int, limits: Limits) -> Verdict | None:
    """Arrivals of distinct keys, the first at position `first`. None where one depends on another."""
    latest = first + np.arange(len(limits.same))
    if any(((limit >= first) & (limit < latest)).any() for limit in limits):
        return None
    repeats = (limits.same >= first) | ((limits.settled >= first) & (limits.waiting < first))
    return Verdict(repeats, np.full(len(repeats), -1), first + np.cumsum(~repeats) - ~repeats)


def judge_one_by_one(
    first: int, limits: Limits, keys: Keys, arrived: NDArray[np.int64], most: int, window_ms: int
) -> Verdict:
    """Arrivals of any keys, each with its clock."""
    count = len(keys)
    repeats, of, positions = np.zeros(count, dtype=np.bool_), np.full(count, -1), np.empty(count, dtype=np.int64)
    kept: dict[int, tuple[int, int, int]] = {}
    position = first
    columns = (column.tolist() for column in (keys, arrived, *limits))
    for number, (key, clock_ms, same, settled, waiting) in enumerate(zip(*columns, strict=True)):
        positions[number] = position
        twin, its_position, its_clock_ms = kept.get(key, (-1, -1, 0))
        if twin >= 0 and position - its_position <= most and clock_ms - its_clock_ms <= window_ms:
            repeats[number], of[number] = True, twin
        elif same >= position or settled >= position > waiting:
            repeats[number] = True
        else:
            kept[key] = number, position, clock_ms
            position += 1
    return Verdict(repeats, of, positions)
