"""Whether a group keeps up, by two readings of its offsets, and what it would take. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

IN_FLIGHT_S = 1.0
"""A lag of what comes in so long is what the group has in hand."""

GROWTH = 0.05
"""Of what came in between: a lag that grew by more is no chance of where in a batch the readings fell."""

SHORTEST_S = 5.0
"""Between two readings: in less, a group that falls behind looks like one between two batches."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Offsets by partition: what is committed, where anything is, and the end. `lag` in records."""

    committed: Mapping[int, int]
    ends: Mapping[int, int]
    lag: int
    members: int


@dataclass(frozen=True, slots=True)
class Draining:
    """Rates in offsets a second. `drained_in_s`: until there is no lag, if both rates stay; None: never. Where it falls
    behind, `members_needed` at the rate of those that there are; more than `partitions` would have nothing to do."""

    consumed_per_s: float
    arriving_per_s: float
    drained_in_s: float | None
    members_needed: int | None
    partitions: int

    def __str__(self) -> str:
        rates = f"{self.consumed_per_s:,.0f}/s done, {self.arriving_per_s:,.0f}/s come"
        if self.drained_in_s == 0:
            return f"{rates}: it keeps up"
        if self.drained_in_s is not None:
            return f"{rates}: drained in {_duration(self.drained_in_s)}"
        if self.members_needed is None:
            return f"{rates}: nothing is done; see docs/runbooks/worker.md"
        if self.members_needed > self.partitions:
            return f"{rates}: it takes {self.members_needed} members, and there are {self.partitions} partitions"
        return f"{rates}: it falls behind, it takes {self.members_needed} members"


def draining(before: Reading, after: Reading, seconds: float) -> Draining:
    """Of two readings so far apart. A member is one lane: a worker has one for each role."""
    arrived = _progress(before.ends, after.ends)
    arriving = arrived / seconds
    consumed = _progress(before.committed, after.committed) / seconds
    drained_in_s: float | None = None
    needed: int | None = None
    is_steady = after.lag - before.lag <= GROWTH * arrived
    if not after.lag or (consumed and is_steady and after.lag <= IN_FLIGHT_S * arriving):
        drained_in_s = 0.0
    elif consumed > arriving:
        drained_in_s = after.lag / (consumed - arriving)
    elif consumed and after.members:
        needed = max(after.members + 1, math.ceil(after.members * arriving / consumed))
    return Draining(consumed, arriving, drained_in_s, needed, len(after.ends))


def _progress(before: Mapping[int, int], after: Mapping[int, int]) -> int:
    return sum(max(0, after[partition] - before[partition]) for partition in after.keys() & before.keys())


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{math.ceil(seconds)} s"
    return f"{math.ceil(seconds / 60):,} min" if seconds < 7_200 else f"{seconds / 3_600:,.1f} h"
