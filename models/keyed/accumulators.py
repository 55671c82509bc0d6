"""What a key keeps for one feature, as a value of bounded size.

`now_ms` is the key's own clock: the greatest time of its events, the one in hand included. An event that comes late is
so answered as if it came at the key's latest time, and counts where it belongs.
"""

from __future__ import annotations

import math
from typing import Any, Protocol, TypeAlias

from models.keyed.definitions import KeyedFeature
from models.keyed.statistics import Count, Greatest, Least, Mean, Mergeable, Total, Variance

PARTS = 16
"""A window is kept as so many parts of equal length, of which the latest is not over: what it tells of is the last
15/16 to 16/16 of it."""

Parts: TypeAlias = tuple[tuple[int, Any], ...]
"""Number of a part, counted from the epoch, and what is kept of it; rising, none empty."""

Faded: TypeAlias = tuple[float, float, int]
"""Weight, mean, and the time that the weight is as of."""


class Accumulator(Protocol):
    """What is kept and its type. `value` is of what was added; NaN, or not finite, where there is nothing to tell."""

    @property
    def empty(self) -> Any: ...
    @property
    def form(self) -> Any: ...
    def value(self, kept: Any, now_ms: int) -> float: ...
    def add(self, kept: Any, number: float, time_ms: int, now_ms: int) -> Any: ...


class Whole:
    """Over all events."""

    def __init__(self, statistic: Mergeable) -> None:
        self._statistic = statistic
        self.empty, self.form = statistic.empty, statistic.form

    def value(self, kept: Any, _now_ms: int) -> float:
        return self._statistic.value(kept)

    def add(self, kept: Any, number: float, _time_ms: int, _now_ms: int) -> Any:
        return self._statistic.add(kept, number)


class Windowed:
    """Over the last `window_ms`, in PARTS."""

    empty: Parts = ()

    def __init__(self, statistic: Mergeable, window_ms: int) -> None:
        self._statistic, self._window_ms = statistic, window_ms
        self.form: Any = tuple[tuple[int, statistic.form], ...]  # type: ignore[name-defined]

    def value(self, kept: Parts, now_ms: int) -> float:
        statistic, over = self._statistic, self._part(now_ms) - PARTS
        merged = statistic.empty
        for number, part in kept:
            if number > over:
                merged = statistic.merge(merged, part)
        return statistic.value(merged)

    def add(self, kept: Parts, number: float, time_ms: int, now_ms: int) -> Parts:
        statistic, own, over = self._statistic, self._part(time_ms), self._part(now_ms) - PARTS
        if own <= over:
            return kept
        if kept and kept[-1][0] == own:  # nearly always
            return (*kept[:-1], (own, statistic.add(kept[-1][1], number)))
        parts = {each: part for each, part in kept if each > over}
        parts[own] = statistic.add(parts.get(own, statistic.empty), number)
        return tuple(sorted(parts.items()))

    def _part(self, time_ms: int) -> int:
        return time_ms * PARTS // self._window_ms


class Fading:
    """The mean where an event weighs half as much for each half-life that it is old."""

    empty: Faded = (0.0, 0.0, 0)
    form = Faded

    def __init__(self, half_life_ms: float) -> None:
        self._half_life_ms = half_life_ms

    def value(self, kept: Faded, _now_ms: int) -> float:
        return kept[1] if kept[0] else math.nan

    def add(self, kept: Faded, number: float, time_ms: int, _now_ms: int) -> Faded:
        weight, mean, as_of = kept
        if not weight:
            return 1.0, number, time_ms
        own = 1.0
        if time_ms >= as_of:
            weight, as_of = weight * self._left_after(time_ms - as_of), time_ms
        else:
            own = self._left_after(as_of - time_ms)
        weight += own
        return weight, mean + (number - mean) * (own / weight), as_of

    def _left_after(self, age_ms: int) -> float:
        return math.exp2(-age_ms / self._half_life_ms)


class SinceLast:
    """Seconds since the key's latest event."""

    empty: int | None = None
    form = int | None

    def value(self, kept: int | None, now_ms: int) -> float:
        return math.nan if kept is None else (now_ms - kept) / 1000

    def add(self, _kept: int | None, _number: float, _time_ms: int, now_ms: int) -> int:
        return now_ms


def accumulator_of(feature: KeyedFeature) -> Accumulator:
    """What computes a feature."""
    match feature.statistic:
        case "time_since_last":
            return SinceLast()
        case "ewma":
            assert feature.half_life_s is not None
            return Fading(feature.half_life_s * 1000)
        case "rate":
            assert feature.window_s is not None
            return Windowed(Count(feature.window_s), feature.window_s * 1000)
    statistic: Mergeable = {
        "count": Count,
        "sum": Total,
        "mean": Mean,
        "variance": Variance,
        "min": Least,
        "max": Greatest,
    }[feature.statistic]()
    return Whole(statistic) if feature.window_s is None else Windowed(statistic, feature.window_s * 1000)
