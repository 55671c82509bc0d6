"""Outcomes of a classifier as the labels role writes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from drift.observation import Observation
from drift.outcome_watch import OutcomeState, OutcomeWatch, outcome_settings
from drift.outcomes import classified, layout_of
from drift.profile import ReferenceProfile, SignalSpec, build_profile
from drift.settings import DriftSettings
from drift.summary import Summariser

SETTINGS = DriftSettings()
SLICE_MS = outcome_settings(SETTINGS).slice_ms
START = 1_767_225_600_000
BURN_IN = 1000


def classifier() -> ReferenceProfile:
    specs = [SignalSpec("x", "number", "feature"), SignalSpec("class", "category", "output", ("no", "yes"))]
    rng = np.random.default_rng(1)
    return build_profile(specs, np.column_stack((rng.normal(size=500), rng.integers(0, 2, 500))))


def regressor() -> ReferenceProfile:
    specs = [SignalSpec("x", "number", "feature"), SignalSpec("prediction", "number", "output")]
    return build_profile(specs, np.random.default_rng(1).normal(scale=3.0, size=(500, 2)))


class Stream:
    """Outcomes of a classifier as they come: every 200 ms one, with its label after `lag_ms`; in batches of `batch`."""

    def __init__(self, seed: int, batch: int = 50, stream: str = "outcomes") -> None:
        self._rng, self._batch, self._stream = np.random.default_rng(seed), batch, stream
        self._layout = layout_of("outcomes" if stream == "outcomes" else "coverage", classifier())
        self._summariser = Summariser(self._layout, SLICE_MS)
        self.count = 0

    def next(self, rows: int, *, error: float = 0.1, yes: float = 0.5, lag_ms: float = 30_000) -> Iterator[Observation]:
        for _ in range(rows // self._batch):
            n = self._batch
            times = START + (self.count + np.arange(n)) * 200
            labels = (self._rng.random(n) < yes).astype(np.int64)
            right = self._rng.random(n) >= error
            yield self.observation(times, classified(right, labels, np.full(n, int(lag_ms))))

    def observation(self, times: Any, matrix: Any) -> Observation:
        first, self.count = self.count, self.count + len(times)
        slices = self._summariser.summarise(np.zeros(len(times), dtype=np.int64), times, matrix)[0]
        name = self._layout.id
        newest = int(times.max())
        return Observation("m", "1", name, "joins", 0, first, self.count - 1, newest, slices, stream=self._stream)


def watch(stream: Any = "outcomes", profile: ReferenceProfile | None = None) -> OutcomeWatch:
    return OutcomeWatch("m", "1", stream, profile or classifier(), SETTINGS, BURN_IN)


def run(of: OutcomeWatch, observations: list[Observation]) -> tuple[OutcomeState, list[Any]]:
    alerts, state = [], of.fresh()
    for observation in observations:
        step = of.observe(state, [observation])
        state = step.state
        alerts += step.alerts
    return state, alerts
