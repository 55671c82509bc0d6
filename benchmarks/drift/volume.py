"""How often the watch over the volume is wrong in 30 days, and how soon it sees a change: events by the minute.

    python -m benchmarks.drift.volume [--days 30] [--seeds 5]

Each stream is simulated for some weeks without a change, then once with each change after the days told. Alerts before
the change are false.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from drift.profile import FORMAT, ReferenceProfile
from drift.settings import DriftSettings
from drift.volume import KEY
from drift.watch import Watch
from drift.windows import Window

MINUTE_MS, DAY_MINUTES = 60_000, 1440
START_MS = 1_767_225_600_000  # a Thursday
RATE = 600.0
CHANGES = {"half": 0.5, "double": 2.0, "a third": 1 / 3, "stop": 0.0}

Counts: TypeAlias = NDArray[np.int64]
Process: TypeAlias = Callable[[np.random.Generator, int, NDArray[np.float64]], Counts]
"""Counts of so many minutes, their expected rate multiplied by a factor each."""


def poisson(rng: np.random.Generator, minutes: int, factor: NDArray[np.float64]) -> Counts:
    return rng.poisson(RATE * factor, minutes)


def few(rng: np.random.Generator, minutes: int, factor: NDArray[np.float64]) -> Counts:
    return rng.poisson(12.0 * factor, minutes)


def bursty(rng: np.random.Generator, minutes: int, factor: NDArray[np.float64]) -> Counts:
    """Negative binomial: each minute has a rate of its own, of deviation as large as half the mean."""
    return rng.poisson(RATE * factor * rng.gamma(4.0, 1 / 4.0, minutes))


def wandering(rng: np.random.Generator, minutes: int, factor: NDArray[np.float64]) -> Counts:
    """The logarithm of the rate is AR(1), 0.9 from minute to minute, of deviation 0.4."""
    return rng.poisson(RATE * factor * np.exp(_ar1(rng, minutes, 0.9, 0.4)))


def drifting(rng: np.random.Generator, minutes: int, factor: NDArray[np.float64]) -> Counts:
    """As before, but it holds for hours: 0.995 from minute to minute, of deviation 0.2."""
    return rng.poisson(RATE * factor * np.exp(_ar1(rng, minutes, 0.995, 0.2)))


def _day(rng: np.random.Generator, minutes: int) -> NDArray[np.float64]:
    return np.sin(2 * np.pi * (np.arange(minutes) / DAY_MINUTES - rng.random()))


def mild_days(rng: np.random.Generator, minutes: int, factor: NDArray[np.float64]) -> Counts:
    """Noon has nearly twice the events of night."""
    return bursty(rng, minutes, factor * (1 + 0.3 * _day(rng, minutes)))


def strong_days(rng: np.random.Generator, minutes: int, factor: NDArray[np.float64]) -> Counts:
    """Noon has six times the events of night."""
    return bursty(rng, minutes, factor * np.exp(0.9 * _day(rng, minutes)))


def weeks(rng: np.random.Generator, minutes: int, factor: NDArray[np.float64]) -> Counts:
    """Days as before, and at weekends a third."""
    day = np.arange(minutes) // DAY_MINUTES % 7
    return strong_days(rng, minutes, factor * np.where((day == 2) | (day == 3), 1 / 3, 1.0))


def _ar1(rng: np.random.Generator, n: int, phi: float, sd: float) -> NDArray[np.float64]:
    noise = rng.normal(0, sd * np.sqrt(1 - phi**2), n)
    level, found = rng.normal(0, sd), np.empty(n)
    for at in range(n):
        level = phi * level + noise[at]
        found[at] = level
    return found


PROCESSES: dict[str, Process] = {
    each.__name__: each for each in (poisson, few, bursty, wandering, drifting, mild_days, strong_days, weeks)
}


def alerts(counts: Iterable[int], settings: DriftSettings | None = None) -> Sequence[tuple[int, str, float]]:
    """Minute, state and effect of every change of an alert."""
    watch = Watch("m", "1", ReferenceProfile(FORMAT, 0, ()), settings or DriftSettings(), 1)
    volume, state, found = watch.volume, watch.fresh(), []
    assert volume is not None
    for minute, events in enumerate(counts):
        start = START_MS + minute * MINUTE_MS
        told = volume.judge(state, Window(start, start + MINUTE_MS, int(events)))
        if told:
            found.append((minute, told.transition.state, told.transition.effect.size))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    print(f"{KEY}, {options.seeds} seeds; false alerts in {options.days} days, days they came; minutes to detection")
    for name, process in PROCESSES.items():
        if options.only and name not in options.only.split(","):
            continue
        minutes, days = options.days * DAY_MINUTES, []
        for seed in range(options.seeds):
            counts = process(np.random.default_rng(seed), minutes, np.ones(minutes))
            days += [round(at / DAY_MINUTES, 1) for at, state, _ in alerts(counts) if state == "firing"]
        print(f"{name:12s} false {len(days) / options.seeds:5.2f}  {sorted(days)[:12]}", flush=True)
        for after in (2, 12):
            print(f"{'':12s} after {after:2d} days: {_delays(process, after, options.seeds)}", flush=True)


def _delays(process: Process, after: int, seeds: int) -> str:
    told = []
    for name, factor in CHANGES.items():
        delays, missed = [], 0
        for seed in range(100, 100 + seeds):
            at, minutes = after * DAY_MINUTES, (after + 2) * DAY_MINUTES
            counts = process(np.random.default_rng(seed), minutes, np.where(np.arange(minutes) < at, 1.0, factor))
            found = [minute - at for minute, state, _ in alerts(counts) if state == "firing" and minute >= at]
            delays += found[:1]
            missed += not found
        told.append(f"{name} {median(delays) + 1 if delays else '-'}" + (f" ({missed} missed)" if missed else ""))
    return ", ".join(told)


if __name__ == "__main__":
    main()
