"""From rows and distances to places in a picture, and round numbers to mark them by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_DISTANCE = 1.6
"""A panel shows at least so much on both sides of the reference, so that the band of 1 has room around it."""

LINE = 10.0
"""What a line of small text takes."""


@dataclass(frozen=True, slots=True)
class RowScale:
    """Rows 0 to `rows`, drawn from x = `left` on over `width`."""

    rows: int
    left: float
    width: float

    def __call__(self, row: float) -> float:
        return self.left + self.width * min(max(row, 0), self.rows) / self.rows

    def ticks(self, most: int) -> list[int]:
        """Round row numbers, at most so many."""
        step = next(
            size * 10**power for power in range(19) for size in (1, 2, 5) if self.rows / (size * 10**power) < most
        )
        return list(range(0, self.rows + 1, step))


@dataclass(frozen=True, slots=True)
class DistanceScale:
    """Distances from `low` to `high`, drawn from y = `top` on over `height`. Near the reference in proportion, far from
    it by magnitude (an inverse hyperbolic sine), so that a large change leaves a small one to be seen."""

    low: float
    high: float
    top: float
    height: float

    @classmethod
    def over(cls, distances: Sequence[float], top: float, height: float) -> DistanceScale:
        finite = [distance for distance in distances if math.isfinite(distance)]
        low, high = min(finite, default=0.0), max(finite, default=0.0)
        return cls(min(1.1 * low, -LEAST_DISTANCE), max(1.1 * high, LEAST_DISTANCE), top, height)

    def __call__(self, distance: float) -> float:
        low, high = math.asinh(self.low), math.asinh(self.high)
        return self.top + self.height * (high - math.asinh(distance)) / (high - low)

    def ticks(self) -> list[int]:
        """0, and on both sides 1 and the largest of 3, 10, 30, … within reach; fewer where they would touch."""
        marks = (1, 3, 10, 30, 100, 300, 1000)
        above = [mark for mark in marks if mark <= self.high]
        below = [-mark for mark in marks if -mark >= self.low]
        kept = [0]
        for tick in (*above[-1:], *below[-1:], *above[:1], *below[:1]):
            if all(abs(self(tick) - self(other)) >= LINE for other in kept):
                kept.append(tick)
        return sorted(kept)
