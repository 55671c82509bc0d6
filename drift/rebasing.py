"""Measure a new baseline: from the latest blocks, and only if there are events enough to compare with later."""

from __future__ import annotations

import math
from collections.abc import Sequence

from drift.baseline import Baseline
from drift.gate import dispersion, events_needed, level_of, pooled
from drift.measures import Level, Statistic
from drift.phases import Sample
from drift.signals import Signal

AMPLE = 4
"""So many times what is needed makes the level well known; older blocks may be from before it settled."""


class NoBaseline(ValueError):
    """These blocks cannot stand for a level; the message says why."""


def new_baseline(profile_signal: Signal, samples: Sequence[Sample], author: str) -> Baseline:
    """From the last of some blocks, oldest first, against the profile's own levels. Raises NoBaseline."""
    if not samples:
        raise NoBaseline("no block was judged since it was quiet last")
    for first in range(len(samples) - 1, -1, -1):
        latest = samples[first:]
        moved = _moved(profile_signal, pooled(latest))
        short = [lack for statistic, level in moved if (lack := _lack(statistic, level, latest, AMPLE))]
        if moved and not short:
            break
    if not moved:
        raise NoBaseline("its level is still the reference's")
    lacks = [(lack, level.n) for statistic, level in moved if (lack := _lack(statistic, level, latest, 1))]
    if lacks:
        lack, have = max(lacks)
        what = "windows" if profile_signal.reference.role == "volume" else "events"
        raise NoBaseline(f"{have} {what} show the new level so far, it takes {have + lack}: try again later")
    sample = pooled(latest)
    return Baseline(sample.end, author, sample, {statistic.name: level for statistic, level in moved})


def _moved(signal: Signal, sample: Sample) -> list[tuple[Statistic, Level]]:
    levels = ((statistic, level_of(statistic, sample)) for statistic in signal.statistics)
    return [(s, level) for s, level in levels if level and abs(level.value - s.reference.value) >= s.material / 2]


def _lack(statistic: Statistic, level: Level, samples: Sequence[Sample], times: float) -> int:
    """How many more events it takes for a change from this level to be clear later; 0: none."""
    spread = dispersion(statistic, (samples,))
    return max(0, math.ceil(times * events_needed(statistic, level, spread)) - level.n)
