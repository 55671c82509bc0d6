"""One model version with its inputs, its answers and what labels tell of them, second by second as roles write them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drift.alert import Alert
from drift.calibration import calibrated
from drift.observation import Observation
from drift.outcome_watch import OutcomeWatch, outcome_settings
from drift.outcomes import classified, outcomes_layout
from drift.profile import ReferenceProfile, SignalSpec, build_profile
from drift.settings import DriftSettings
from drift.summary import Summariser
from drift.watch import Watch
from streams.decide.drift_runs import WatchKey
from streams.decide.drift_turn import AnyWatch
from tests.unit.drift.deciding import Entries, decided_by
from tests.unit.drift.streaming import START, evenly

SPECS = (SignalSpec("amount", "number", "feature"), SignalSpec("class", "boolean", "output"))
SETTINGS = DriftSettings()
PER_SECOND = 50
BURN_IN = 1000


@dataclass(frozen=True)
class Stretch:
    """Seconds of events, and what is different in them: `shift` of the amount in deviations, shares of true answers, of
    wrong ones and of true labels, and after how long labels come."""

    seconds: int
    shift: float = 0.0
    true: float = 0.2
    wrong: float = 0.1
    label: float = 0.3
    lag_ms: int = 30_000
    labelled: bool = True


def rows(rng: np.random.Generator, n: int, stretch: Stretch) -> np.ndarray:
    return np.column_stack((rng.normal(100 + 20 * stretch.shift, 20, n), rng.random(n) < stretch.true))


@functools.cache
def profile() -> ReferenceProfile:
    held, times = rows(np.random.default_rng(0), 10_000, Stretch(0)), evenly(10_000, PER_SECOND, START - 1_000_000)
    return calibrated(build_profile(SPECS, held, times), held, times)


def story(stretches: Sequence[Stretch], seed: int = 1, version: str = "1", start: int = START) -> list[Observation]:
    """Each second the observation of its events, then the one of their outcomes."""
    rng, layout, told = np.random.default_rng(seed), outcomes_layout(profile()), []
    inputs = Summariser(profile(), SETTINGS.slice_ms)
    outcomes = Summariser(layout, outcome_settings(SETTINGS).slice_ms)
    seconds = [stretch for stretch in stretches for _ in range(stretch.seconds)]
    for second, stretch in enumerate(seconds):
        offsets = second * PER_SECOND + np.arange(PER_SECOND)
        times, owners = evenly(PER_SECOND, PER_SECOND, start + second * 1000), np.zeros(PER_SECOND, dtype=np.int64)
        first, last, newest = int(offsets[0]), int(offsets[-1]), int(times.max())
        slices = inputs.summarise(owners, times, rows(rng, PER_SECOND, stretch), offsets)[0]
        told.append(Observation("fraud", version, profile().id, "events", 0, first, last, newest, slices))
        right, labels = rng.random(PER_SECOND) >= stretch.wrong, rng.random(PER_SECOND) < stretch.label
        matrix = classified(right, labels.astype(np.int64), np.full(PER_SECOND, stretch.lag_ms))
        slices = outcomes.summarise(owners, times, matrix)[0]
        if stretch.labelled:
            told.append(
                Observation("fraud", version, layout.id, "joins", 0, first, last, newest, slices, stream="outcomes")
            )
    return told


def watches(*versions: str) -> dict[WatchKey, AnyWatch]:
    found: dict[WatchKey, AnyWatch] = {}
    for version in versions:
        found[WatchKey("fraud", version)] = Watch("fraud", version, profile(), SETTINGS, 1)
        outcomes = OutcomeWatch("fraud", version, "outcomes", profile(), SETTINGS, BURN_IN)
        found[WatchKey("fraud", version, "outcomes")] = outcomes
    return found


def decided(observations: Sequence[Observation], size: int = 1000, restored=dict) -> list[Alert]:
    return decided_by(watches("1", "2"), observations, size, restored=restored)


def restored_backwards(entries: Entries) -> Entries:
    return dict(sorted(entries.items(), reverse=True))
