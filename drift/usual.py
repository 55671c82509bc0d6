"""Learns from the stream itself how many events are usual: level, cycle of a day or week, and how much they swing.

Training rows do not tell. A few windows are enough to know a stop from what is usual, but say nothing of how much a day
swings; a day shows that as noise, three days by its hours, three weeks by the hours of a week. What is remembered is a
line an hour, for three weeks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import fmean, median

import msgspec
from msgspec.structs import replace

from drift.baseline import Baseline, Learned
from drift.calibration import LEAST_CYCLES, LEAST_WINDOWS, likely_inflation
from drift.measures import Level, Quantity
from drift.noise import DAY_HOURS, HOUR_MS, WEEK_HOURS, Noise
from drift.phases import Sample
from drift.volume import EVENTS, LOGS, ONE

BURN_IN = 120
"""Windows: 24 groups of five, the fewest that tell how much wider dependent windows swing than independent ones."""
GROUP = 5
MOST_HOURS = LEAST_CYCLES * WEEK_HOURS
HALF_OR_DOUBLE = 0.8
"""A little less than one doubling, or whether a half is seen would be a toss of a coin."""
UNTIL_A_DAY = 3.0
"""Within the first day only an eighth, or eight times, is material: from night to noon is often four times."""
LEAST_LEVEL = 3.0
"""Fewer than eight events in a typical window: their logarithm says more of chance than of the rate."""
LEAST_SPREAD = 0.1
"""Weeks differ by some per cent however even the minutes are."""


class Hour(msgspec.Struct, frozen=True, array_like=True):
    """The windows of one hour (or one window, where that is longer), in fixed point. `alerted`: an alert was out."""

    number: int
    windows: int
    logs: int
    squares: int
    events: int
    alerted: bool = False

    @property
    def level(self) -> float:
        return self.logs / self.windows / ONE

    def plus(self, other: Hour) -> Hour:
        return Hour(
            self.number,
            self.windows + other.windows,
            self.logs + other.logs,
            self.squares + other.squares,
            self.events + other.events,
            self.alerted or other.alerted,
        )

    def moved(self, by: int) -> Hour:
        """As if every window had been so much higher."""
        return replace(
            self,
            logs=self.logs + by * self.windows,
            squares=self.squares + 2 * by * self.logs + by * by * self.windows,
            events=round(self.events * math.exp2(by / ONE)),
        )


class Learning(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was seen by hours; `first` are the windows of the burn-in, one by one. So many hours were begun `since` the
    last lesson, if there was one."""

    hours: tuple[Hour, ...] = ()
    first: tuple[int, ...] = ()
    since: int = 0
    begun: bool = False

    def plus(self, sample: Sample, *, alerted: bool) -> Learning:
        """With one window."""
        value, events = sample.cells[LOGS], sample.cells[EVENTS]
        hour = Hour(sample.start // HOUR_MS, 1, value, value * value, events, alerted)
        first = (*self.first, value) if len(self.first) < BURN_IN else self.first
        if self.hours and self.hours[-1].number == hour.number:
            return replace(self, hours=(*self.hours[:-1], self.hours[-1].plus(hour)), first=first)
        # One more than three cycles: the last is not over.
        return replace(self, hours=(*self.hours, hour)[-MOST_HOURS - 1 :], first=first, since=self.since + 1)

    def moved(self, by: float, before: int | None) -> Learning:
        """With the hours before a time in ms, or all, moved to another level: what they say of swings still holds."""
        step = round(by * ONE)
        hours = (h.moved(step) if before is None or h.number < before // HOUR_MS else h for h in self.hours)
        return replace(self, hours=tuple(hours))

    @property
    def is_due(self) -> bool:
        """Whether there is a lesson: the burn-in has just been, or so many hours since the last as a day has."""
        return len(self.first) == BURN_IN and (not self.begun or self.since > DAY_HOURS)

    @property
    def taught(self) -> Learning:
        """A lesson was taken. The last hour is not over yet, and belongs to the next."""
        return replace(self, since=1, begun=True)


def usual_of(learning: Learning, window_ms: int, at: int) -> Baseline | None:
    """What is usual, as learned by a time in ms; None where it is too little to watch."""
    whole = max(1, HOUR_MS // window_ms)
    hours = [hour for hour in learning.hours[:-1] if 2 * hour.windows >= whole]
    if len(hours) < DAY_HOURS:
        level, spread = _first_level(learning.first)
        season: tuple[float, ...] = ()
        hours = list(learning.hours)
    else:
        level, season = _cycle(hours)
        spread = _spread(hours, level, season)
    if level < LEAST_LEVEL:
        return None
    windows, logs, events = (sum(part) for part in zip(*((h.windows, h.logs, h.events) for h in hours), strict=True))
    sample = Sample(hours[0].number * HOUR_MS, at, windows, {LOGS: logs, EVENTS: events}, windows)
    material = UNTIL_A_DAY if len(hours) < DAY_HOURS else HALF_OR_DOUBLE
    known = Level(windows, level, level, spread)
    return Baseline(at, "", sample, {str(Quantity.VOLUME): known}, Learned(window_ms, len(hours), season, material))


def _first_level(first: Sequence[int]) -> tuple[float, float]:
    values = [value / ONE for value in first]
    level = fmean(values)
    alone = max(fmean([(value - level) ** 2 for value in values]), LEAST_SPREAD**2)
    means = [fmean(values[at : at + GROUP]) for at in range(0, len(values), GROUP)]
    swing = GROUP * sum((mean - level) ** 2 for mean in means) / alone
    return level, math.sqrt(alone * likely_inflation(swing, len(means) - 1))


def _cycle(hours: Sequence[Hour]) -> tuple[float, tuple[float, ...]]:
    """The level, and the better of a daily and a weekly cycle, each after three of them and only where it foretells an
    hour better than the level does. Medians: an outage of last week is not what is usual."""
    levels = [hour.level for hour in hours]
    level = median(levels)
    season: tuple[float, ...] = ()
    best = sum(abs(own - level) for own in levels)
    for length in (DAY_HOURS, WEEK_HOURS):
        slots = [[h.level for h in hours if h.number % length == slot] for slot in range(length)]
        if min(map(len, slots)) < LEAST_CYCLES:
            continue
        missed = sum(abs(own - median([*slot[:at], *slot[at + 1 :]])) for slot in slots for at, own in enumerate(slot))
        if missed < best:
            best, centres = missed, [median(slot) for slot in slots]
            level = fmean(centres)
            season = tuple(centre - level for centre in centres)
    return level, season


def _spread(hours: Sequence[Hour], level: float, season: tuple[float, ...]) -> float:
    """Of a window, wide enough for means over hours and longer to swing as they do."""
    cycle = Noise(season=season)
    missed = [(h, h.level - level - cycle.expected(h.number * HOUR_MS, (h.number + 1) * HOUR_MS)) for h in hours]
    # What an alert told, and no cycle explains, is no noise.
    kept = [(h, miss) for h, miss in missed if not h.alerted or abs(miss) < HALF_OR_DOUBLE / 2]
    freedom = sum(h.windows - 1 for h, _ in kept)
    within = sum(h.squares - h.logs * h.logs / h.windows for h, _ in kept) / ONE**2
    alone = max(within / max(1, freedom), LEAST_SPREAD**2)
    wider = [1.0]
    for means in _means(kept):
        swing = sum(windows * miss * miss for windows, miss in means) / alone
        wider.append(likely_inflation(swing, round(len(means) * (1 - len(season) / max(1, len(kept)))) - 1))
    # The cycle itself is known only so well.
    return math.sqrt(alone * max(wider) * (1 + len(season) / max(1, len(kept))))


def _means(hours: Sequence[tuple[Hour, float]]) -> Iterator[list[tuple[int, float]]]:
    """Over an hour, four, sixteen: windows and mean."""
    length = 1
    while len(hours) // length >= LEAST_WINDOWS:
        groups = [hours[at : at + length] for at in range(0, len(hours) - length + 1, length)]
        yield [
            ((n := sum(h.windows for h, _ in group)), sum(h.windows * miss for h, miss in group) / n)
            for group in groups
        ]
        length *= 4
