"""Statistics that can be added to and merged, as values: adding gives a new one, so that a decision changes nothing.

Mean and variance are Welford's (Technometrics 4, 1962) and merge as Chan, Golub and LeVeque say (1979). They are
River's numbers too; River's own objects change in place and hold raw events for a window.
"""

from __future__ import annotations

import math
from typing import Any, Protocol, TypeAlias

Moments: TypeAlias = tuple[int, float, float]
"""Count, mean, and the sum of squared distances from the mean."""


class Mergeable(Protocol):
    """What is kept of numbers, and its type. `value` is NaN or not finite where there is nothing to tell."""

    @property
    def empty(self) -> Any: ...
    @property
    def form(self) -> Any: ...
    def add(self, kept: Any, number: float) -> Any: ...
    def merge(self, kept: Any, other: Any) -> Any:
        """Of the numbers of both; those of `kept` came first."""
        ...

    def value(self, kept: Any) -> float: ...


class Count:
    """How many, in units of `unit` (1: events; the seconds of a window: events a second)."""

    empty = 0
    form = int

    def __init__(self, unit: int = 1) -> None:
        self._unit = unit

    def add(self, kept: int, _number: float) -> int:
        return kept + 1

    def merge(self, kept: int, other: int) -> int:
        return kept + other

    def value(self, kept: int) -> float:
        return kept / self._unit


class Total:
    """The sum."""

    empty = 0.0
    form = float

    def add(self, kept: float, number: float) -> float:
        return kept + number

    def merge(self, kept: float, other: float) -> float:
        return kept + other

    def value(self, kept: float) -> float:
        return kept


class Mean:
    """The mean."""

    empty = (0, 0.0)
    form = tuple[int, float]

    def add(self, kept: tuple[int, float], number: float) -> tuple[int, float]:
        count = kept[0] + 1
        return count, kept[1] + (number - kept[1]) / count

    def merge(self, kept: tuple[int, float], other: tuple[int, float]) -> tuple[int, float]:
        count = kept[0] + other[0]
        return (count, kept[1] + (other[1] - kept[1]) * (other[0] / count)) if count else kept

    def value(self, kept: tuple[int, float]) -> float:
        return kept[1] if kept[0] else math.nan


class Variance:
    """The variance of a sample: null until there are two numbers."""

    empty = (0, 0.0, 0.0)
    form = Moments

    def add(self, kept: Moments, number: float) -> Moments:
        count, mean, squares = kept
        count += 1
        moved = mean + (number - mean) / count
        return count, moved, squares + (number - mean) * (number - moved)

    def merge(self, kept: Moments, other: Moments) -> Moments:
        if not kept[0] or not other[0]:
            return other if other[0] else kept
        count, apart = kept[0] + other[0], other[1] - kept[1]
        squares = kept[2] + other[2] + apart * apart * (kept[0] * other[0] / count)
        return count, kept[1] + apart * (other[0] / count), squares

    def value(self, kept: Moments) -> float:
        return kept[2] / (kept[0] - 1) if kept[0] > 1 else math.nan


class Least:
    """The smallest."""

    empty = math.inf
    form = float

    def add(self, kept: float, number: float) -> float:
        return min(kept, number)

    merge = add

    def value(self, kept: float) -> float:
        return kept


class Greatest:
    """The largest."""

    empty = -math.inf
    form = float

    def add(self, kept: float, number: float) -> float:
        return max(kept, number)

    merge = add

    def value(self, kept: float) -> float:
        return kept
