"""How a statistic swings while nothing changes, as learned from the reference: what makes evidence of a change."""

from __future__ import annotations

from typing import Literal

import msgspec

HOUR_MS = 3_600_000
DAY_HOURS, WEEK_HOURS = 24, 168


class Noise(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`inflation`: variance of a mean of consecutive values over that of independent ones, at least 1. `season`: what
    each hour of the day (24) or of the week (168) is above the overall level; none where there is no cycle."""

    inflation: float = 1.0
    skewness: float = 0.0
    season: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.inflation < 1 or len(self.season) not in (0, DAY_HOURS, WEEK_HOURS):
            raise ValueError("an inflation below 1, or a season that is neither a day nor a week of hours")

    def expected(self, start: int, end: int) -> float:
        """How far above its overall level the statistic is to be between two times in ms."""
        if not self.season:
            return 0.0
        if end - start <= HOUR_MS:
            return self._at((start + end) / 2)
        hours = min(-(-(end - start) // HOUR_MS), len(self.season))
        width = (end - start) / hours
        return sum(self._at(start + (hour + 0.5) * width) for hour in range(hours)) / hours

    def _at(self, time_ms: float) -> float:
        # Between the middles of two hours the level goes over from one to the other.
        before, share = divmod(time_ms / HOUR_MS - 0.5, 1)
        first, second = (self.season[int(before + more) % len(self.season)] for more in (0, 1))
        return first + (second - first) * share


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By signal, as the profile orders them, the noise of each statistic by name. `basis`: `rows` in no known order, so
    taken as independent; or in order of `time`."""

    basis: Literal["rows", "time"]
    signals: tuple[dict[str, Noise], ...]
